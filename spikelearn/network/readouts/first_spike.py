"""Scores from the times of first spikes."""

from torch import Tensor

from spikelearn.checks import check_positive
from spikelearn.network.readouts.base import READOUTS, Readout
from spikelearn.network.records import Activity
from spikelearn.neurons import Neuron


@READOUTS.register("first-spike")
class FirstSpikeReadout(Readout):
    r"""Minus the time of each output neuron's first spike, so that the first to fire has the highest score.

    $-t_{first} = -dt \sum_{t=0}^{T-1} \prod_{s=0}^{t} (1 - z[s])$: a spike at step t counts as one at t dt, a silent
    neuron as one at the end, T dt. The product has a derivative in every spike up to the first. A rule that knows times
    between steps, such as ``eventprop``, gives these by its own ``scores``, and minus infinity for a silent neuron.

    Args:
        dt: time step, seconds; in a run by name, that of the last block's neurons.

    Shapes: output spikes z [T, B, n] -> scores [B, n], seconds.

    Raises:
        ValueError: a time step not positive; a last block that never fires.

    Source: Mostafa, IEEE Transactions on Neural Networks and Learning Systems 29, 2018; Goeltz et al., Nature Machine
    Intelligence 3, 2021.
    """

    def __init__(self, dt: float = 1e-3) -> None:
        super().__init__()
        check_positive("dt", dt, "s")
        self.dt = dt

    @classmethod
    def behind(cls, neuron: Neuron, units: int, classes: int) -> "FirstSpikeReadout":
        if not neuron.fires:
            raise ValueError(
                f"readout 'first-spike' reads the times of spikes, but the last block's neuron is a "
                f"{type(neuron).__name__}, which never fires: use --output lif"
            )
        return cls(neuron.dt)

    def read(self, output: Activity) -> Tensor:
        return -self.dt * (1.0 - output.spikes).cumprod(0).sum(0)

    def read_valid(self, output: Activity, valid: Tensor) -> Tensor:
        """The same where only spikes of ``valid`` steps [T, B] are seen; a silent neuron counts as one at T dt."""
        spikes = output.spikes
        return self.read(output._replace(spikes=spikes * valid.to(spikes.dtype).view(*valid.shape, 1)))
