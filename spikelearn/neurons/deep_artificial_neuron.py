"""Deep artificial neuron: a small network, the same in all neurons, makes its output of several channels of current."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.neurons.base import NEURONS, Neuron
from spikelearn.neurons.parts.phenotype import PHENOTYPES, Phenotype
from spikelearn.neurons.parts.spike_function import SpikeFunction


class DeepArtificialNeuronState(NamedTuple):
    """Nothing: what arrives is answered at once."""


@NEURONS.register("dan")
class DeepArtificialNeuron(Neuron):
    r"""Deep artificial neuron (DAN): its phenotype, a small network that all share, maps channels to an output.

    $$y_j = g\, \Phi_\theta\big(\tanh I_{j,1}, \ldots, \tanh I_{j,n_c}\big)$$

    A connection is a vector of $n_c$ weights. What drives n neurons has $n\,n_c$ units, channel c of neuron j at
    $j\,n_c + c$; of images so many maps. Real values are sent in place of spikes, one step does not depend on another,
    and v is the potential of which the phenotype's output is the tanh. The blocks of a network that ``build`` makes
    share one $\theta$, which no rule changes; ``spikelearn phenotype`` learns it beforehand.

    Args:
        channels: $n_c$.
        width: units of each of the phenotype's three hidden layers.
        phenotype: name of the file of a learned phenotype, which a run's settings then hold themselves; its channels
            and width count then. None: as drawn.
        drawn: the number from which a phenotype is drawn, the same for all blocks.
        gain: g, dimensionless, for an output beyond the phenotype's -1 to 1.
        dt: time step, seconds, for recordings alone.

    Shapes: current [B, n n_c] or [B, C n_c, H, W] per step; outputs and v [B, n] or [B, C, H, W]; no state.

    Raises:
        ValueError: a number out of range, a file that is none, a current of no whole number of neurons.

    Source: Camp, Mandivarapu & Estrada, arXiv 2011.07035, 2020, and the authors' program.
    """

    fires = False
    graded = True
    v_threshold = float("inf")

    def __init__(
        self,
        channels: int = 40,
        width: int = 40,
        *,
        phenotype: str | Phenotype | None = None,
        drawn: int = 0,
        gain: float = 1.0,
        dt: float = 1e-3,
    ) -> None:
        super().__init__()
        check_positive("gain", gain)
        check_positive("dt", dt, "s")
        if isinstance(phenotype, str):
            phenotype = Phenotype(PHENOTYPES.of(phenotype))
        self.phenotype = Phenotype.drawn(channels, width, drawn) if phenotype is None else phenotype
        self.channels, self.width = self.phenotype.channels, self.phenotype.width
        self.gain, self.dt = gain, dt

    @classmethod
    def resolved(cls, options: Mapping[str, Any]) -> Mapping[str, Any]:
        text = options.get("phenotype")
        return {**options, "phenotype": PHENOTYPES.written(PHENOTYPES.of(text))} if isinstance(text, str) else options

    def share(self, other: Neuron) -> None:
        """Take over the phenotype of ``other`` where it is the same one."""
        if not isinstance(other, DeepArtificialNeuron):
            return
        mine, theirs = self.phenotype.tensors, other.phenotype.tensors
        if all(tensor.equal(theirs[name]) for name, tensor in mine.items()):
            self.phenotype = other.phenotype

    def initial_state(self, current: Tensor) -> DeepArtificialNeuronState:
        return DeepArtificialNeuronState()

    def step(
        self, state: DeepArtificialNeuronState, current: Tensor, spike_function: SpikeFunction
    ) -> tuple[Tensor, Tensor, DeepArtificialNeuronState]:
        self.check_state(state, current)
        output, v = self.answer(current)
        return output, v, state

    def answer(self, current: Tensor) -> tuple[Tensor, Tensor]:
        """Outputs and potentials of currents [B, ...], both shaped like the neurons."""
        self.shape_of(current.shape[1:])
        channels = current.tanh().unflatten(1, (-1, self.channels)).movedim(2, -1)
        output, v = self.phenotype(channels)
        return (output if self.gain == 1.0 else self.gain * output), v

    def steady_rate(self, current: Tensor) -> Tensor:
        """The output under a constant ``current``."""
        return self.answer(current)[0]
