"""Error-modulated spike-timing-dependent plasticity (EMSTDP)."""

from typing import Literal

from torch import Tensor

from spikelearn.checks import check_choice
from spikelearn.network import Activity, Network
from spikelearn.plasticity.base import RULES, OptimizerChoice
from spikelearn.plasticity.two_phase.base import ErrorNeuronRule, ErrorReset, Feedback, PhaseTally


@RULES.register("emstdp")
class EMSTDP(ErrorNeuronRule):
    r"""Two phases a sample, free and corrected by error spikes; weights learn from the difference in spike counts.

    $$\Delta W_l = \frac1\tau\,(\hat h_l - h_l) \otimes h_{l-1}$$

    With steps t = 0..2$\tau$ (one more stays idle): $h_l$ counts the spikes of t = 1..$\tau$, $\hat h_l$ those of
    t = $\tau$+1..2$\tau$, and $h_{l-1}$ what met the weights at t = 2..$\tau$+1, one step late. From t = $\tau$ on,
    after the spikes z of the step, with Y the one-hot target and $\vartheta$ the neurons' threshold,

    $$D_{out} \mathrel{+}= Y - z_{out}[t-1], \quad D_l \mathrel{+}= M_l E_{l+1}[t-1], \quad
      E[t] = \mathrm{sign}(D)\,\Theta(|D| - \eta), \quad v \mathrel{+}= \mathrm{scale}\;\vartheta\,E[t-1]$$

    and D is reset where E is not 0. $M_l$ is the transpose of the weights above ("symmetric"), a fixed random matrix
    of that shape ("alignment") or one from the output, $E_{out}$ in place of $E_{l+1}$ ("direct"). $\eta$ is
    ``epsilon`` at the output and as in ``error_thresholds`` below. Leading blocks without anything trainable are a
    front end: they are only run, and errors stop above them. Scores are the rates of the free phase without its last
    step. Metrics: ``active_<block>``, the share of neurons that fire in the free phase, ``corrected_<block>``, that of
    those with an error spike.

    Args:
        feedback: "symmetric", "alignment" or "direct".
        epsilon: threshold of the output's error neurons, missing or surplus spikes per error spike.
        scale: injection of an error spike, in units of the neuron's threshold.
        gate: whether hidden error spikes need a partner that fired before step $\tau$-1; "direct" has no gate.
        hidden_ratio: ratio of the hidden error neurons' thresholds, dimensionless; the authors take that of the
            initialiser, a larger one lets fewer errors through.
        error_reset: "to_zero", or "subtract" (the threshold) for the error neurons.
        presynaptic: "count", or "event": 1 where the count is above a tenth of the steps, else 0.

    Shapes: inputs [T, B, ...] with T >= 5, targets [B]; Linear weights, [n, in].

    Raises:
        ValueError: neurons that are no IF with inclusive=True and reset="to_value"; feedback edges; trainable
            convolutions or biases; delays other than 0 for the first block, 1 for later ones; too few steps.

    Source: Shrestha, Fang, Wu & Qiu, ICONS 2019; Shrestha et al., DAC 2021 (arXiv 2105.03649); order of operations as
    in the authors' program, whose running square is the optimizer "rms" with lr 1e-3. deviation: one population of
    signed error spikes stands for two of rectified ones.
    """

    default_optimizer = OptimizerChoice("sgd", 0.1)
    default_bounds = (-1.0, 1.0)
    # It learns from spike counts in two phases, with thresholds from the initialiser. An odd number of steps is two
    # equal phases and one step more; of an even number, the last step is idle. Counts of ten steps are too coarse for
    # two hidden layers (11 % on MNIST at T = 20, 84 % at 63): two phases of 31.
    default_settings = {
        "steps": 63,
        "init": "emstdp",
        "init_option": {"hidden": 0.4, "output": 0.3},
        "rule_option": {"epsilon": 1.0, "hidden_ratio": 2.0},
    }

    def __init__(
        self,
        feedback: Feedback = "symmetric",
        epsilon: float = 3.0,
        scale: float = 1.0,
        *,
        gate: bool = True,
        hidden_ratio: float = 0.5,
        error_reset: ErrorReset = "to_zero",
        presynaptic: Literal["count", "event"] = "count",
    ) -> None:
        super().__init__(feedback, epsilon, scale, gate=gate, hidden_ratio=hidden_ratio, error_reset=error_reset)
        check_choice("presynaptic", presynaptic, ("count", "event"))
        self.presynaptic = presynaptic

    def tally(self, network: Network, name: str, free: Activity) -> PhaseTally:
        """Begin the memory of the synapse of block ``name`` with its free phase."""
        return Counts(free, event=self.presynaptic == "event")


class Counts:
    """Spike counts of one synapse in the windows of ``EMSTDP``; ``event`` makes the pre count 0 or 1."""

    def __init__(self, free: Activity, *, event: bool = False) -> None:
        self.steps, self.event = len(free.spikes), event
        self.pre = free.pre[2:].sum(0)
        self.difference = -free.spikes[1:].sum(0)

    def add(self, number: int, seen: Activity) -> None:
        if number < 2:
            self.pre = self.pre + seen.pre
        self.difference = self.difference + (seen.spikes if number else -seen.spikes)

    def factors(self) -> tuple[Tensor, Tensor]:
        # The authors' program counts a silent step before the first.
        often = self.pre > (2 * self.steps + 2) / 10
        return often.to(self.pre.dtype) if self.event else self.pre, self.difference / self.steps
