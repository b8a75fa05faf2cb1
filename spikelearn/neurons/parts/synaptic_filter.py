"""Base of the models with postsynaptic potentials: two low-pass filters in series, synapse and membrane."""

from torch import Tensor

from spikelearn.neurons.parts.constants import Constant, given
from spikelearn.neurons.parts.membrane import Discretisation, Membrane, check_decay


class SynapticFilter(Membrane):
    r"""Synaptic current and postsynaptic potential, two low-pass filters in series.

    $$q[t] = \alpha\,q[t-1] + g_q\,I[t], \qquad p[t] = \lambda\,p[t-1] + g_p\,q[t]$$

    $\alpha$ is ``decay_syn``, $\lambda$ ``decay_mem``, $g_q$ ``gain_syn`` and $g_p$ ``gain_mem``: $1-\alpha$ and
    $(1-\lambda)\,r$, or 1 both.
    """

    tau_syn: Constant
    decay_syn: Constant
    gain_syn: Constant

    def _set_filters(
        self, tau_mem: Constant, tau_syn: Constant, r: Constant, dt: float, discretisation: Discretisation
    ) -> None:
        """Set the filters of two time constants, with gains by which a constant current I settles at p = r I."""
        self._set_gain(r, dt)
        self._set_leak(tau_mem, 0.0, discretisation)
        self.set_constant("gain_syn", 1.0 - self._set_decay_of("syn", tau_syn, discretisation))

    def _set_decays(self, unit_gain: bool, **decays: Constant) -> None:
        """Set decays per step as they were given, not as they come back from time constants, and the gains."""
        for name, decay in decays.items():
            self.set_constant(f"decay_{name}", decay)
            self.set_constant(f"gain_{name}", 1.0 if unit_gain else 1.0 - decay)

    def filtered(self, q: Tensor, p: Tensor, current: Tensor) -> tuple[Tensor, Tensor]:
        """Synaptic current and postsynaptic potential at this step, of those before."""
        q = self.decay_syn * q + self.gain_syn * current
        return q, self.decay_mem * p + self.gain_mem * q


def decays_given(**decays: Constant) -> dict[str, Constant]:
    """Decays per step as a model calculates with them, by name.

    Raises:
        ValueError: one outside [0, 1).
    """
    return {name: given(f"decay_{name}", decay, check_decay) for name, decay in decays.items()}
