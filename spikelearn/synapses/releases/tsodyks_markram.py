"""Short-term depression and facilitation."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from spikelearn.checks import check_flag, check_not_negative, check_positive, check_shape
from spikelearn.synapses.releases.base import RELEASES, Release


class TsodyksMarkramState(NamedTuple):
    """u: share by which earlier spikes raise the release; x: share of the resources that is there; both [B, ...]."""

    u: Tensor
    x: Tensor


@RELEASES.register("tsodyks-markram")
class TsodyksMarkram(Release):
    r"""Spikes use up resources, which recover, and raise the share of them that the next ones use.

    Between spikes $\tau_{rec}\,\dot x = 1 - x$ and $\tau_{fac}\,\dot u = -u$; at a spike

    $$u \leftarrow u + U(1 - u), \qquad r = u\,x, \qquad x \leftarrow x - r.$$

    What is computed at every step, with $\lambda = e^{-dt/\tau}$ and spikes s: $u' = \lambda_{fac}\,u$,
    $x' = 1 - \lambda_{rec}(1 - x)$, $r = s\,(u' + U(1 - u'))\,x'$, $u = u' + s\,U(1 - u')$, $x = x' - r$. The weights
    of the edge meet r in place of s, so a connection of weight w contributes $w\,r$, and the first spike after a long
    rest $w\,U$. The state is that of the neuron that sends: an edge with other constants is another edge. It is
    differentiable in spikes and constants.

    Args:
        u: U, share that a spike uses after a long rest, in (0, 1]; a number, or one for each neuron that sends.
        tau_rec: time constant of recovery, seconds, above 0; a number, or one a neuron.
        tau_fac: time constant of facilitation, seconds; 0: none; a number, or one a neuron.
        dt: time step, seconds; must be that of the neurons.
        learnable: whether gradients learn the constants, as the parameters ``logit_u``, ``log_tau_rec`` and, where it
            is not 0, ``log_tau_fac``, so that they stay where they make sense.

    Shapes: spikes [B, ...] per step, what is released and both states alike.

    Raises:
        ValueError: a constant out of range; a state of another shape.

    Source: Tsodyks, Uziel & Markram, Journal of Neuroscience 20, 2000; Maass & Markram, Neural Networks 15, 2002; as
    NEST's ``tsodyks2_synapse``, whose u is that of the last spike.
    """

    unwritten = ("u", "tau_rec", "tau_fac")

    logit_u: Tensor
    log_tau_rec: Tensor
    log_tau_fac: Tensor

    def __init__(
        self,
        u: float | Tensor = 0.5,
        tau_rec: float | Tensor = 0.8,
        tau_fac: float | Tensor = 0.0,
        *,
        dt: float = 1e-3,
        learnable: bool = False,
    ) -> None:
        check_positive("dt", dt, "s")
        check_flag("learnable", learnable)
        super().__init__(dt)
        share, rec = _constant("u", u, check_positive), _constant("tau_rec", tau_rec, check_positive)
        fac = _constant("tau_fac", tau_fac, check_not_negative)
        if bool((share > 1.0).any()):
            raise ValueError(f"u is {u!r}, expected a share in (0, 1]")
        self.learnable = learnable
        #: Whether earlier spikes raise the release at all.
        self.facilitates = bool((fac > 0.0).any())
        if learnable:
            self._learn(share, rec, fac)
            return
        for name, value in (("u", share), ("tau_rec", rec), ("tau_fac", fac)):
            if value.ndim:
                self.register_buffer(name, value)
            else:
                setattr(self, name, float(value))

    def _learn(self, share: Tensor, rec: Tensor, fac: Tensor) -> None:
        if bool((share == 1.0).any()) or self.facilitates and bool((fac == 0.0).any()):
            raise ValueError(
                "learnable needs u below 1, and a tau_fac that is 0 for all neurons or for none: at the ends of its "
                "range a constant has no gradient"
            )
        logs = {"logit_u": share.logit(), "log_tau_rec": rec.log()}
        for name, value in (logs | ({"log_tau_fac": fac.log()} if self.facilitates else {})).items():
            self.register_parameter(name, nn.Parameter(value.to(torch.get_default_dtype())))

    def constants(self, like: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """U and the decays per step of recovery and facilitation, in the type of ``like``."""
        if self.learnable:
            fac = torch.exp(-self.dt * torch.exp(-self.log_tau_fac)) if self.facilitates else like.new_zeros(())
            return torch.sigmoid(self.logit_u), torch.exp(-self.dt * torch.exp(-self.log_tau_rec)), fac
        u, rec, fac = (torch.as_tensor(c, dtype=torch.float64) for c in (self.u, self.tau_rec, self.tau_fac))
        # exp(-dt / 0) is 0.
        decays = (u, torch.exp(-self.dt / rec), torch.exp(-self.dt / fac))
        return tuple(decay.to(like) for decay in decays)  # type: ignore[return-value]

    def initial_state(self, spikes: Tensor) -> TsodyksMarkramState:
        rest = torch.zeros_like(spikes, requires_grad=False)
        return TsodyksMarkramState(rest, rest + 1.0)

    def step(self, state: TsodyksMarkramState, spikes: Tensor) -> tuple[Tensor, TsodyksMarkramState]:
        self._check(state, spikes)
        return _step(state, spikes, *self.constants(spikes))

    def sequence(self, state: TsodyksMarkramState | None, spikes: Tensor) -> tuple[Tensor, TsodyksMarkramState]:
        """As ``step`` in a loop, with the decays formed once."""
        state = self.initial_state(spikes[0]) if state is None else state
        self._check(state, spikes[0])
        constants, released = self.constants(spikes), []
        for now in spikes.unbind(0):
            amount, state = _step(state, now, *constants)
            released.append(amount)
        return torch.stack(released), state

    def _check(self, state: TsodyksMarkramState, spikes: Tensor) -> None:
        for name, value in state._asdict().items():
            check_shape(f"TsodyksMarkram state {name}", value, spikes.shape, "start a new batch with state=None")
        shape = torch.broadcast_shapes(*(constant.shape for constant in self.constants(spikes)))
        if any(
            own not in (1, size) for own, size in zip(reversed(shape), reversed(spikes.shape[1:]), strict=False)
        ) or (len(shape) >= spikes.ndim):
            raise ValueError(
                f"constants of TsodyksMarkram have shape {list(shape)}, but the neurons that send are "
                f"{list(spikes.shape[1:])}: give one number, or one a neuron"
            )

    def extra_repr(self) -> str:
        own = {} if self.learnable else {name: getattr(self, name) for name in self.unwritten}
        shown = {
            name: value if isinstance(value, float) else f"[{float(value.min()):.4g}..{float(value.max()):.4g}]"
            for name, value in own.items()
        }
        return ", ".join(f"{k}={v}" for k, v in (shown or {"learnable": True}).items())


def _step(
    state: TsodyksMarkramState, spikes: Tensor, u: Tensor, recovery: Tensor, facilitation: Tensor
) -> tuple[Tensor, TsodyksMarkramState]:
    raised = facilitation * state.u
    there = 1.0 - recovery * (1.0 - state.x)
    rise = u * (1.0 - raised)
    released = spikes * (raised + rise) * there
    return released, TsodyksMarkramState(raised + spikes * rise, there - released)


def _constant(name: str, value: float | Tensor, check: Callable[[str, float], None]) -> Tensor:
    """A constant in double precision, [] or one a neuron."""
    values = torch.as_tensor(value, dtype=torch.float64).detach().clone()
    if not values.numel():
        raise ValueError(f"{name} has shape {list(values.shape)}, expected a number, or one for each neuron that sends")
    for extreme in (values.min(), values.max()):
        check(name, float(extreme))
    return values
