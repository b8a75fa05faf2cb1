"""Proxies: how well a kernel tells pairs of one class from pairs of two; a block makes its own as large as it can."""

from collections.abc import Callable
from typing import Literal, NamedTuple, get_args

import torch
from torch import Tensor

Proxy = Literal["raw", "nmse", "alignment", "upper-tri-alignment", "contrastive", "log-contrastive"]
PROXIES: tuple[str, ...] = get_args(Proxy)


class Pairs(NamedTuple):
    """All pairs of a batch's samples.

    Args:
        kernel: K, [B, B].
        same: whether two samples are of one class, bool [B, B].
        ideal: K as it should be, [B, B]: 1 for samples of one class, else ``lowest``.
        lowest: least value of the kernel.
    """

    kernel: Tensor
    same: Tensor
    ideal: Tensor
    lowest: float

    @classmethod
    def of(cls, kernel: Tensor, targets: Tensor, lowest: float) -> "Pairs":
        """The pairs of samples with class numbers ``targets`` [B]."""
        same = targets.unsqueeze(1) == targets
        return cls(kernel, same, torch.ones_like(kernel).where(same, lowest), lowest)

    @property
    def others(self) -> Tensor:
        """Pairs of two different samples, bool [B, B]."""
        return ~torch.eye(len(self.same), dtype=torch.bool, device=self.same.device)


def value_of(proxy: Proxy, pairs: Pairs, *, negatives_only: bool) -> Tensor:
    """The value of a proxy, a scalar; 0 for a batch without the pairs that it looks at."""
    known = OF_NEGATIVES if negatives_only else OF_ALL
    return known[proxy](pairs)


def _share(part: Tensor, whole: Tensor) -> Tensor:
    """part / whole, and 0 where the whole is 0."""
    return part / torch.where(whole > 0, whole, 1.0)


def _log(value: Tensor) -> Tensor:
    """The logarithm, and 0 where the value is 0."""
    return torch.where(value > 0, value, 1.0).log()


def _mean(values: Tensor, where: Tensor) -> Tensor:
    return _share(values.where(where, 0.0).sum(), where.sum().to(values.dtype))


def _cosine(kernel: Tensor, ideal: Tensor) -> Tensor:
    return _share((kernel * ideal).sum(), kernel.norm() * ideal.norm())


def _raw(pairs: Pairs) -> Tensor:
    return _mean(pairs.kernel.where(pairs.same, -pairs.kernel), pairs.others)


def _nmse(pairs: Pairs) -> Tensor:
    return -(pairs.kernel - pairs.ideal).square().mean()


def _alignment(pairs: Pairs) -> Tensor:
    return _cosine(pairs.kernel, pairs.ideal)


def _upper_tri_alignment(pairs: Pairs) -> Tensor:
    return _cosine(pairs.kernel.triu(1), pairs.ideal.triu(1))


def _contrastive(pairs: Pairs) -> Tensor:
    weight = pairs.kernel.exp().where(pairs.others, 0.0)
    return _share(weight.where(pairs.same, 0.0).sum(), weight.sum())


def _log_contrastive(pairs: Pairs) -> Tensor:
    return _log(_contrastive(pairs))


def _negative_raw(pairs: Pairs) -> Tensor:
    return -_mean(pairs.kernel, ~pairs.same)


def _negative_nmse(pairs: Pairs) -> Tensor:
    return -_mean((pairs.kernel - pairs.lowest).square(), ~pairs.same)


def _negative_alignment(pairs: Pairs) -> Tensor:
    """Cosine with the ideal over pairs of two classes, which say nothing where the ideal is 0."""
    return _cosine(pairs.kernel.where(~pairs.same, 0.0), pairs.ideal.where(~pairs.same, 0.0))


def _negative_contrastive(pairs: Pairs) -> Tensor:
    return -_mean(pairs.kernel.exp(), ~pairs.same)


def _negative_log_contrastive(pairs: Pairs) -> Tensor:
    return -_log(_mean(pairs.kernel.exp(), ~pairs.same))


OF_ALL: dict[str, Callable[[Pairs], Tensor]] = {
    "raw": _raw,
    "nmse": _nmse,
    "alignment": _alignment,
    "upper-tri-alignment": _upper_tri_alignment,
    "contrastive": _contrastive,
    "log-contrastive": _log_contrastive,
}

#: The same of pairs of two classes alone; both alignments are one then.
OF_NEGATIVES: dict[str, Callable[[Pairs], Tensor]] = {
    "raw": _negative_raw,
    "nmse": _negative_nmse,
    "alignment": _negative_alignment,
    "upper-tri-alignment": _negative_alignment,
    "contrastive": _negative_contrastive,
    "log-contrastive": _negative_log_contrastive,
}
