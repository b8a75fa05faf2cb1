"""Online pair STDP of one dense layer, event by event: compiled loops over a whole presentation."""

from typing import Any

import numpy as np

from spikelearn.kernels.compiled import kernel

#: With more than this share of the neurons in the list of those that have fired, whole rows are cheaper than the list.
DENSE = 0.25

#: A change of a weight is left out below this part of the rounding of the largest weight.
NEGLIGIBLE = 1e-4


@kernel
def is_uniform(weight: Any) -> Any:  # pragma: no cover
    """Tell whether all values of a square matrix are the same but those on the diagonal."""
    size = weight.shape[0]
    same = weight[0, size - 1]
    for row in range(size):
        others = 0
        for column in range(size):
            others += weight[row, column] != same
        if others != (weight[row, row] != same):
            return False
    return True


@kernel(
    takes={
        "private": "real A out",
        "base": "real B out",
        "decays": "real 2 T",
        "columns": "short E < A",
        "amounts": "real E",
        "starts": "int T*B+1 ^ E",
        "lateral": "real 0|out 0|out",
        "membrane": "real 9",
        "rule": "real 5",
    },
    holds=("lateral.shape[0] == lateral.shape[1]", "B >= 1", "out >= 1"),
)
def present(
    columns: Any,
    amounts: Any,
    starts: Any,
    private: Any,
    base: Any,
    lateral: Any,
    membrane: Any,
    adaptive: Any,
    rule: Any,
    coincident: Any,
    decays: Any,
) -> Any:  # pragma: no cover
    """Show a record and change ``private`` at every step; returns the number of spikes [B, neurons].

    ``base`` [B, neurons]: constant current. ``lateral`` [neurons, neurons] or [0, 0]: weights of what the block sends
    to itself. ``membrane``: decay, gain, leak, start, threshold, share of the potential that a reset keeps, jump of a
    reset, beta, decay of adaptation. ``adaptive``: whether the threshold adapts. ``rule``: a_plus and a_minus over the
    batch, low, high, size of a weight. ``decays``: of pre and post traces after 0, 1, 2, ... steps.
    """
    batch, size = base.shape
    v, a, counts = np.full_like(base, membrane[3]), np.zeros_like(base), np.zeros_like(base)
    current, padded = np.empty_like(base[0]), np.zeros(-(-size // 8) * 8, np.uint8)
    fires, words = padded[:size], padded.view(np.uint64)
    sent, lengths = np.empty((batch, size), np.int32), np.zeros(batch, np.int64)
    pre, post = _traces(batch, private.shape[0], base), _traces(batch, size, base)
    now = np.zeros(size, base.dtype), np.zeros(size, base.dtype)
    uniform = lateral.size > 0 and is_uniform(lateral)
    for t in range(decays.shape[1]):
        total = 0
        for b in range(batch):
            first, last = starts[t * batch + b], starts[t * batch + b + 1]
            _drive(current, base[b], private, columns[first:last], amounts[first:last])
            if lateral.size > 0 and lengths[b] > 0:
                _inhibit(current, lateral, uniform, sent[b, : lengths[b]])
            _fire(v[b], a[b], current, fires, membrane, adaptive)
            lengths[b] = _send(fires, words, counts[b], sent[b])
            total += lengths[b]
        # A weight that one event alone changes in this step is clipped at once.
        clip = batch == 1 and total == 0
        for b in range(batch):
            first, last = starts[t * batch + b], starts[t * batch + b + 1]
            events, shares, spikes = columns[first:last], amounts[first:last], sent[b, : lengths[b]]
            if coincident:
                _remember(t, b, events, shares, pre, decays[0])
                _remember(t, b, spikes, np.ones(spikes.size, base.dtype), post, decays[1])
            if last > first and post[3][b] > 0:
                _depress(t, b, private, events, shares, post, decays[1], now, rule, clip)
            if spikes.size > 0:
                _potentiate(t, b, private, spikes, pre, decays[0], rule[0])
            if not coincident:
                _remember(t, b, events, shares, pre, decays[0])
                _remember(t, b, spikes, np.ones(spikes.size, base.dtype), post, decays[1])
        if not clip:
            for b in range(batch):
                first, last = starts[t * batch + b], starts[t * batch + b + 1]
                _clip(private, columns[first:last], post[2][b, : post[3][b]], rule)
                if lengths[b] > 0:
                    _clip(private, pre[2][b, : pre[3][b]], sent[b, : lengths[b]], rule)
    return counts


@kernel
def _traces(batch: Any, size: Any, like: Any) -> Any:  # pragma: no cover
    """Values at the time of the last event, that time (-1: never), and for each sample the list of who had one."""
    values, times = np.zeros((batch, size), like.dtype), np.full((batch, size), -1, np.int32)
    return values, times, np.empty((batch, size), np.int32), np.zeros(batch, np.int64)


@kernel
def _remember(t: Any, b: Any, numbers: Any, shares: Any, traces: Any, decays: Any) -> Any:  # pragma: no cover
    values, times, live, lengths = traces
    for place in range(numbers.size):
        number = numbers[place]
        if times[b, number] < 0:
            values[b, number] = shares[place]
            live[b, lengths[b]] = number
            lengths[b] += 1
        else:
            values[b, number] = values[b, number] * decays[t - times[b, number]] + shares[place]
        times[b, number] = t


@kernel
def _drive(current: Any, base: Any, private: Any, events: Any, shares: Any) -> Any:  # pragma: no cover
    for j in range(current.size):
        current[j] = base[j]
    for event in range(events.size):
        row, share = private[events[event]], shares[event]
        for j in range(current.size):
            current[j] += share * row[j]


@kernel
def _inhibit(current: Any, lateral: Any, uniform: Any, spikes: Any) -> Any:  # pragma: no cover
    """Inhibition that the spikes of the step before send to their own block."""
    if uniform:
        same = lateral[0, current.size - 1]
        together = same * current.dtype.type(spikes.size)
        for j in range(current.size):
            current[j] += together
        for i in spikes:
            current[i] += lateral[i, i] - same
    else:
        for i in spikes:
            for j in range(current.size):
                current[j] += lateral[j, i]


@kernel
def _fire(v: Any, a: Any, current: Any, fires: Any, membrane: Any, adaptive: Any) -> Any:  # pragma: no cover
    """One step of all neurons of a sample."""
    decay, gain, leak, threshold = membrane[0], membrane[1], membrane[2], membrane[4]
    kept, jump, beta, decay_adaptation = membrane[5], membrane[6], membrane[7], membrane[8]
    if adaptive:
        one, zero = v.dtype.type(1), v.dtype.type(0)
        for j in range(v.size):
            u = decay * v[j] + (gain * current[j] + leak)
            fired = u - beta * a[j] > threshold
            fires[j] = fired
            v[j] = kept * u + jump if fired else u
            a[j] = decay_adaptation * a[j] + (one if fired else zero)
    else:
        for j in range(v.size):
            u = decay * v[j] + (gain * current[j] + leak)
            fires[j] = u > threshold
            v[j] = kept * u + jump if u > threshold else u


@kernel
def _send(fires: Any, words: Any, counts: Any, sent: Any) -> Any:  # pragma: no cover
    """List the neurons that fire; ``words`` are the same flags, many at a time."""
    some, length = words[0], 0
    for place in range(1, words.size):
        some |= words[place]
    if some != 0:
        for j in range(fires.size):
            if fires[j] != 0:
                sent[length] = j
                counts[j] += 1
                length += 1
    return length


@kernel
def _depress(
    t: Any, b: Any, private: Any, events: Any, shares: Any, post: Any, decays: Any, now: Any, rule: Any, clip: Any
) -> Any:  # pragma: no cover
    """Each input event, against the traces of the neurons that have fired."""
    values, times, live, lengths = post
    some, row_of_all = now
    least = NEGLIGIBLE * np.finfo(values.dtype).eps * rule[4]
    length = 0
    for place in range(lengths[b]):
        j = live[b, place]
        change = rule[1] * values[b, j] * decays[t - times[b, j]]
        # A trace too old to change a weight is forgotten: the list is as long as the present, not the presentation.
        if abs(change) < least:
            times[b, j] = -1
        else:
            some[length], live[b, length] = change, j
            length += 1
    lengths[b] = length
    dense = length > DENSE * values.shape[1]
    if dense:
        for place in range(length):
            row_of_all[live[b, place]] = some[place]
    for event in range(events.size):
        row, share = private[events[event]], shares[event]
        if dense:
            for j in range(row.size):
                row[j] -= share * row_of_all[j]
        else:
            for place in range(length):
                row[live[b, place]] -= share * some[place]
        if clip:
            _clip_row(row, live[b, :length], dense, rule)
    if dense:
        row_of_all[:] = 0


@kernel
def _potentiate(
    t: Any, b: Any, private: Any, spikes: Any, pre: Any, decays: Any, a_plus: Any
) -> Any:  # pragma: no cover
    """Each spike, against the traces of the inputs that have been active."""
    values, times, live, lengths = pre
    for place in range(lengths[b]):
        k = live[b, place]
        share, row = a_plus * values[b, k] * decays[t - times[b, k]], private[k]
        for j in spikes:
            row[j] += share


@kernel
def _clip(private: Any, inputs: Any, neurons: Any, rule: Any) -> Any:  # pragma: no cover
    dense = neurons.size > DENSE * private.shape[1]
    for k in inputs:
        _clip_row(private[k], neurons, dense, rule)


@kernel
def _clip_row(row: Any, neurons: Any, dense: Any, rule: Any) -> Any:  # pragma: no cover
    low, high = rule[2], rule[3]
    if dense:
        for j in range(row.size):
            row[j] = min(max(row[j], low), high)
    else:
        for j in neurons:
            row[j] = min(max(row[j], low), high)
