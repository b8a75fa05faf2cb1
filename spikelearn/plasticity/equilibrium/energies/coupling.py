"""A synapse that neurons use in both directions: what it drives, and how it pulls at what drives it."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.plasticity.back_weights import sent_back_through
from spikelearn.synapses import as_linear, correlate, drive


class Coupling:
    r"""The current $f(p)$ of a synapse, and its pull $J^\top q$ at p, with $J = \partial f/\partial p$.

    Masks are factors: what is sent, $p \to m\,p$, and the current, $f \to n f$, in both directions alike.

    Args:
        synapse: from [B, in...] to [B, out...].
        sent, passed: the masks m [B, in...] and n [B, out...]; None: ones.
        back: (weight, weight that stands for it in J), of one shape; empty: J is that of the synapse.

    Shapes: p [T, B, in...], q and f [T, B, out...].
    """

    def __init__(
        self,
        synapse: nn.Module,
        sent: Tensor | None = None,
        passed: Tensor | None = None,
        back: Sequence[tuple[Tensor, Tensor]] = (),
    ) -> None:
        self.synapse, self.sent, self.passed, self.back = synapse, sent, passed, back
        self.linear = as_linear(synapse)
        self.pulling = None if self.linear is None else back[0][1] if back else self.linear.weight

    def current(self, pre: Tensor) -> Tensor:
        """f(p), [T, B, out...]."""
        return _times(drive(self.synapse, _times(pre, self.sent)), self.passed)

    def at_rest(self, pre: Tensor) -> Tensor:
        """Zeros shaped like the current."""
        if self.linear is not None:
            return pre.new_zeros(*pre.shape[:2], self.linear.out_features)
        return torch.zeros_like(drive(self.synapse, pre))

    def both(self, pre: Tensor, post: Tensor) -> tuple[Tensor, Tensor]:
        """f(p), and the pull of ``post`` at ``pre``."""
        met, given = _times(pre, self.sent), _times(post, self.passed)
        if self.linear is not None and self.pulling is not None:
            current = F.linear(met if met.ndim == 3 else met.flatten(2), self.linear.weight, self.linear.bias)
            pull = given @ self.pulling if pre.ndim == 3 else (given @ self.pulling).view_as(pre)
        else:
            rows = met.detach().flatten(0, 1).requires_grad_()
            with torch.enable_grad(), sent_back_through(self.back):
                driven = self.synapse(rows)
            # A presentation caches reparametrised weights with their graph: it must survive this call.
            (pulled,) = torch.autograd.grad(driven, rows, given.flatten(0, 1), retain_graph=True)
            current, pull = driven.detach().view_as(post), pulled.view_as(pre)
        return _times(current, self.passed), _times(pull, self.sent)

    def correlated(self, pairs: Sequence[tuple[Tensor, Tensor]]) -> dict[str, Tensor]:
        """What meets the weights times what answers, shaped like each parameter; the sum of ``pairs`` (pre, post)."""
        pre, post = zip(*((_times(a, self.sent), _times(b, self.passed)) for a, b in pairs), strict=True)
        return correlate(self.synapse, _joined(pre), _joined(post))


def _times(values: Tensor, mask: Tensor | None) -> Tensor:
    return values if mask is None else values * mask


def _joined(records: Sequence[Tensor]) -> Tensor:
    return records[0] if len(records) == 1 else torch.cat(list(records))
