"""Sparse weights: connections that are listed, each with a weight and, if wanted, a delay of its own."""

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor, nn

from spikelearn.checks import check_count, check_fraction
from spikelearn.synapses.connection_sides import ConnectionSides
from spikelearn.synapses.sparse_product import Lists, connect

#: A delay in steps for all connections, the lowest and highest of those that are drawn, or one a connection.
Delays = int | tuple[int, int] | Tensor | np.ndarray | Sequence[int] | None

#: Random numbers that are drawn at once where connections are.
_DRAWN = 1 << 22


class SparseLinear(nn.Module):
    r"""Listed connections, $I_j[t] = b_j + \sum_{k \to j} w_k\, s_{i_k}[t - d_k]$, costing what is active.

    What is not listed has no weight: memory follows the number of connections, and no rule, optimizer or constraint can
    make an absent weight other than 0. Connections are kept in the order of their sources, targets and delays; the
    lists are buffers, so they are saved, loaded and exported with the weights. A network with delays hands the synapse
    the last steps at once (``windows``) and carries them in its ``State``; behind a feedback edge, which is one step
    late, a delay d arrives d + 1 steps later.

    Weights are drawn from $U(-1/\sqrt n, 1/\sqrt n)$, n the mean number of connections into a neuron.

    Args:
        in_features, out_features: neurons on both sides; an image is taken flat.
        sources, targets: neurons that each connection comes from and leads to, whole numbers [K].
        delays: steps that each connection takes, at least 0: one number, a pair (lowest, highest) between which each is
            drawn, or [K]; None: none.
        weight: [K] in the order of the lists; None: drawn.
        bias: whether neurons have a bias.
        generator: where weights and delays come from; None: torch's own.

    Shapes: input [B, in...], or [B, D + 1, in...] with delays of up to D steps, the oldest first; current [B, out];
        parameters ``weight`` [K, 1], one row a connection, and ``bias`` [out].

    Raises:
        ValueError: lists of different length or with numbers out of range, none at all, a connection that is listed
            twice, negative delays.

    Source: event-driven lists of targets as in Morrison et al., Neural Computation 17, 2005.
    """

    sources: Tensor
    targets: Tensor
    delays: Tensor | None
    #: Buffers that no forward pass writes.
    unwritten = ("sources", "targets", "delays")

    def __init__(
        self,
        in_features: int,
        out_features: int,
        sources: Tensor | np.ndarray | Sequence[int],
        targets: Tensor | np.ndarray | Sequence[int],
        *,
        delays: Delays = None,
        weight: Tensor | np.ndarray | Sequence[float] | None = None,
        bias: bool = True,
        generator: torch.Generator | None = None,
    ) -> None:
        super().__init__()
        check_count("in_features", in_features)
        check_count("out_features", out_features)
        self.in_features, self.out_features = in_features, out_features
        pre, post = _places("sources", sources, in_features), _places("targets", targets, out_features)
        if len(pre) != len(post) or not len(pre):
            raise ValueError(
                f"sources lists {len(pre)} and targets {len(post)} neurons, expected one of each for every connection, "
                "and at least one connection"
            )
        late = _delays(delays, len(pre), generator)
        order = _ordered(pre, post, late)
        self.register_buffer("sources", pre[order].int())
        self.register_buffer("targets", post[order].int())
        self.register_buffer("delays", None if late is None else late[order].int())
        values = _weights(weight, len(pre), len(pre) / out_features, generator)
        self.weight = nn.Parameter(values[order].unsqueeze(1))
        self.bias = nn.Parameter(torch.zeros(out_features, dtype=values.dtype)) if bias else None
        if bias and weight is None:
            bound = 1.0 / math.sqrt(self.fan_in)
            self.bias.data.uniform_(-bound, bound, generator=generator)  # type: ignore[union-attr]
        #: The most steps that a connection takes.
        self.longest = 0 if late is None else int(late.max())
        self._lists: tuple[Any, Lists] | None = None
        self._sides: tuple[Any, ConnectionSides] | None = None

    @classmethod
    def fixed_in_degree(
        cls,
        in_features: int,
        out_features: int,
        in_degree: int,
        *,
        others: bool = False,
        delays: Delays = None,
        bias: bool = True,
        generator: torch.Generator | None = None,
    ) -> Self:
        """Every neuron takes from ``in_degree`` sources, drawn at random without repetition.

        Args:
            in_features, out_features, delays, bias, generator: as in the constructor.
            in_degree: connections into each neuron.
            others: whether a neuron takes from others alone, where both sides are the same population.

        Raises:
            ValueError: as the constructor; more connections than sources; ``others`` between different numbers.
        """
        check_count("in_degree", in_degree)
        _check_others(in_features, out_features, others)
        if in_degree > in_features - others:
            raise ValueError(f"in_degree is {in_degree}, expected at most the {in_features - others} sources there are")
        chosen = []
        for keys in _keys(in_features, out_features, others, generator):
            chosen.append(keys.topk(in_degree, 1).indices)
        sources = torch.cat(chosen)
        targets = torch.arange(out_features).unsqueeze(1).expand_as(sources)
        listed = sources.flatten(), targets.flatten()
        return cls(in_features, out_features, *listed, delays=delays, bias=bias, generator=generator)

    @classmethod
    def fixed_probability(
        cls,
        in_features: int,
        out_features: int,
        probability: float,
        *,
        others: bool = False,
        delays: Delays = None,
        bias: bool = True,
        generator: torch.Generator | None = None,
    ) -> Self:
        """Every pair of neurons is connected with one probability, each drawn by itself.

        Args:
            in_features, out_features, delays, bias, generator: as in the constructor.
            probability: in (0, 1]; 1: all of them.
            others: as in ``fixed_in_degree``.

        Raises:
            ValueError: as the constructor; a probability out of range, or so low that no connection was drawn.
        """
        check_fraction("probability", probability)
        _check_others(in_features, out_features, others)
        found, first = [], 0
        for keys in _keys(in_features, out_features, others, generator):
            place = (keys > 1.0 - probability).nonzero()
            place[:, 0] += first
            first += len(keys)
            found.append(place)
        targets, sources = torch.cat(found).unbind(1)
        if not len(sources):
            raise ValueError(
                f"probability is {probability:g}, with which none of {in_features} x {out_features} connections was "
                "drawn, expected a higher one"
            )
        return cls(in_features, out_features, sources, targets, delays=delays, bias=bias, generator=generator)

    @classmethod
    def of_matrix(cls, matrix: Any, *, delays: Delays = None, bias: bool = False) -> Self:
        """The entries that a matrix stores, [out, in]: of scipy.sparse, a sparse tensor, or what is not 0 in an array.

        Args:
            matrix: weights; entries that are stored twice are added up.
            delays: as in the constructor; an array is in the order of the entries, row after row.
            bias: whether neurons have a bias, 0 at first.

        Raises:
            ValueError: as the constructor; something else than a matrix.
        """
        if hasattr(matrix, "tocoo"):
            entries = matrix.tocsr().tocoo()
            place = torch.as_tensor(np.stack([entries.row, entries.col]).astype(np.int64))
            values, shape = torch.as_tensor(entries.data), entries.shape
        else:
            stored = torch.as_tensor(matrix)
            stored = (stored if stored.is_sparse else stored.to_sparse()).coalesce()
            place, values, shape = stored.indices(), stored.values(), tuple(stored.shape)
        if len(shape) != 2:
            raise ValueError(f"matrix has shape {list(shape)}, expected [out_features, in_features]")
        values = values if values.is_floating_point() else values.to(torch.get_default_dtype())
        return cls(shape[1], shape[0], place[1], place[0], delays=delays, weight=values, bias=bias)

    @property
    def fan_in(self) -> float:
        """Mean number of connections into a neuron."""
        return len(self.weight) / self.out_features

    @property
    def columns(self) -> Tensor:
        """Place of what each connection meets in a flat input [(D + 1) * in], int64 [K]."""
        late = 0 if self.delays is None else (self.longest - self.delays.long()) * self.in_features
        return self.sources.long() + late

    def dense(self) -> Tensor:
        """The weights as a matrix [out, in], or [out, D + 1, in] with the oldest step first; differentiable."""
        width = (self.longest + 1) * self.in_features
        places = self.targets.long() * width + self.columns
        flat = self.weight.new_zeros(self.out_features * width).index_add(0, places, self.weight.squeeze(1))
        return flat.view(self.out_features, *([self.longest + 1] if self.longest else []), self.in_features)

    def summed(self, values: Tensor) -> Tensor:
        """Sums over the connections into each neuron of ``values`` [K, 1]; [out]."""
        return values.new_zeros(self.out_features).index_add(0, self.targets.long(), values.squeeze(1))

    def forward(self, x: Tensor) -> Tensor:
        """Current [B, out] of x [B, in...], or [B, D + 1, in...] with delays."""
        line = x.flatten(1).unsqueeze(0) if not self.longest else x.flatten(2).movedim(1, 0)
        return self.along(line)[0]

    def along(self, line: Tensor) -> Tensor:
        """Currents [T, B, out] of a line [T + D, B, in...]: what was sent, the oldest of D steps before first."""
        line = line.flatten(2)
        if line.shape[2] != self.in_features:
            raise RuntimeError(f"it takes {self.in_features} inputs, and was given {line.shape[2]}")
        current = connect(line, self)
        return current if self.bias is None else current + self.bias

    def lists(self) -> Lists:
        """The connections as kernels read them, made anew where the buffers have changed."""
        mark, buffers = self._mark()
        if self._lists is None or self._lists[0] != mark:
            self._lists = mark, Lists.of(self.in_features, self.out_features, self.longest, buffers)
        return self._lists[1]

    def sides(self) -> ConnectionSides:
        """The connections by what meets them and by their targets, made anew where the buffers have changed."""
        mark, _ = self._mark()
        if self._sides is None or self._sides[0] != mark:
            width = (self.longest + 1) * self.in_features
            self._sides = mark, ConnectionSides.of(self.columns, self.targets.long(), width, self.out_features)
        return self._sides[1]

    def _mark(self) -> tuple[Any, list[Tensor]]:
        """What changes with the buffers, and the buffers."""
        buffers = [self.sources, self.targets, *([] if self.delays is None else [self.delays])]
        return [(b.data_ptr(), b._version, len(b)) for b in buffers], buffers

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_lists": None, "_sides": None}

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *arguments: Any) -> None:
        bounds = {"sources": self.in_features, "targets": self.out_features, "delays": self.longest + 1}
        for name, bound in bounds.items():
            stored = state_dict.get(prefix + name)
            if stored is None or not stored.numel():
                continue
            low, high = int(stored.min()), int(stored.max())
            if low < 0 or high >= bound or (name == "sources" and bool((stored[1:] < stored[:-1]).any())):
                order = ", in rising order" if name == "sources" else ""
                raise ValueError(
                    f"{prefix}{name} goes from {low} to {high}, expected 0 to {bound - 1}{order}: it is of "
                    "another network"
                )
        super()._load_from_state_dict(state_dict, prefix, *arguments)

    def extra_repr(self) -> str:
        delays = f", delays up to {self.longest}" if self.longest else ""
        return f"{self.in_features}, {self.out_features}, connections={len(self.weight)}{delays}"


def _check_others(in_features: int, out_features: int, others: bool) -> None:
    check_count("in_features", in_features)
    check_count("out_features", out_features)
    if others and in_features != out_features:
        raise ValueError(
            f"others leaves out the way of a neuron to itself, but there are {in_features} sources and {out_features} "
            "targets, expected one population"
        )


def _keys(in_features: int, out_features: int, others: bool, generator: torch.Generator | None) -> Any:
    """Random numbers in [0, 1) of every pair, some targets at a time, [targets, in]; -1 for a neuron and itself."""
    rows = max(1, _DRAWN // in_features)
    for first in range(0, out_features, rows):
        count = min(rows, out_features - first)
        keys = torch.rand(count, in_features, generator=generator)
        if others:
            keys[torch.arange(count), torch.arange(first, first + count)] = -1.0
        yield keys


def _places(name: str, given: Any, size: int) -> Tensor:
    places = torch.as_tensor(given)
    whole = not places.is_floating_point() and not places.is_complex() and places.dtype != torch.bool
    if places.ndim != 1 or (len(places) and not whole):
        raise ValueError(f"{name} has type {places.dtype} and shape {list(places.shape)}, expected whole numbers [K]")
    if len(places) and not 0 <= int(places.min()) <= int(places.max()) < size:
        raise ValueError(f"{name} goes from {int(places.min())} to {int(places.max())}, expected 0 to {size - 1}")
    return places.long()


def _delays(given: Delays, count: int, generator: torch.Generator | None) -> Tensor | None:
    """Delays [K]; None where no connection takes a step."""
    if given is None:
        return None
    if isinstance(given, tuple) and len(given) == 2 and all(isinstance(end, int) for end in given):
        low, high = given
        if not 0 <= low <= high:
            raise ValueError(f"delays are drawn from {low} to {high}, expected 0 <= lowest <= highest")
        late = torch.randint(low, high + 1, (count,), generator=generator)
    else:
        late = torch.as_tensor(given)
        late = late.expand(count) if late.ndim == 0 else late
        whole = not late.is_floating_point() and late.dtype != torch.bool
        if late.shape != (count,) or not whole or int(late.min()) < 0:
            raise ValueError(
                f"delays have type {late.dtype} and shape {list(late.shape)}, expected a whole number of steps, at "
                f"least 0, for each of {count} connections: an int, (lowest, highest), or [K]"
            )
    return late.long() if int(late.max()) else None


def _ordered(sources: Tensor, targets: Tensor, delays: Tensor | None) -> Tensor:
    """The order of the connections by source, target and delay; ValueError where one is listed twice."""
    keys = [sources, targets] if delays is None else [sources, targets, delays]
    order = torch.as_tensor(np.lexsort([key.numpy(force=True) for key in reversed(keys)]))
    placed = torch.stack([key[order] for key in keys])
    twice = (placed[:, 1:] == placed[:, :-1]).all(0).nonzero()
    if len(twice):
        at = int(twice[0])
        raise ValueError(
            f"the connection from {int(placed[0, at])} to {int(placed[1, at])} is listed twice, expected once: add up "
            "the weights, or give the two different delays"
        )
    return order


def _weights(given: Any, count: int, fan_in: float, generator: torch.Generator | None) -> Tensor:
    if given is None:
        return torch.empty(count).uniform_(-1.0 / math.sqrt(fan_in), 1.0 / math.sqrt(fan_in), generator=generator)
    values = torch.as_tensor(given).detach().clone()
    if values.shape != (count,) or not values.is_floating_point():
        raise ValueError(
            f"weight has type {values.dtype} and shape {list(values.shape)}, expected one number for each of {count} "
            "connections"
        )
    return values
