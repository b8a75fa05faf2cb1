"""Online pair STDP of one dense layer, event by event: compiled loops over a whole presentation."""

from typing import Any

import numpy as np

from spikelearn.kernels.compiled import kernel

U = np.uint64

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
        others = False
        for column in range(row):
            others |= weight[U(row), U(column)] != same
        for column in range(row + 1, size):
            others |= weight[U(row), U(column)] != same
        if others:
            return False
    return True


@kernel(
    takes={
        "private": "real A out",
        "base": "real 1|B out",
        "decays": "real 2 T",
        "columns": "short E < A",
        "amounts": "real E",
        "starts": "int T*B+1 ^ E",
        "lateral": "real 0|out 0|out",
        "membrane": "real 9",
        "rule": "real 5",
    },
    let={"B": "(starts.size-1)//decays.shape[1]"},
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

    ``base`` [B, neurons], or [1, neurons] for all samples: constant current. ``lateral`` [neurons, neurons] or [0, 0]:
    weights of what the block sends to itself. ``membrane``: decay, gain, leak, start, threshold, share of the potential
    that a reset keeps, jump of a reset, beta, decay of adaptation. ``adaptive``: whether the threshold adapts.
    ``rule``: a_plus and a_minus over the batch, low, high, size of a weight. ``decays``: of pre and post traces after
    0, 1, 2, ... steps.
    """
    batch, (inputs, size) = (starts.size - 1) // decays.shape[1], private.shape
    counts = np.zeros((batch, size), base.dtype)
    v, a = np.full_like(counts, membrane[3]), np.zeros_like(counts)
    current, sent, fired = np.empty_like(base[0]), np.empty((batch, size), np.int32), np.zeros(batch, np.int64)
    # Traces of inputs, and behind them those of neurons: the value at the last event, its time (-1: none), and lists of
    # who has one. Arrays are handed over one by one: to take them out of a tuple costs as much as an event.
    values, times = np.zeros((batch, inputs + size), base.dtype), np.full((batch, inputs + size), -1, np.int32)
    live, lengths = np.empty((batch, inputs + size), np.int32), np.zeros((2, batch), np.int64)
    scratch, uniform = np.zeros((2, size), base.dtype), lateral.size > 0 and is_uniform(lateral)
    lowered, raised = np.zeros(columns.size, np.uint8), np.zeros(batch, np.uint8)
    for t in range(decays.shape[1]):
        total = 0
        for b in range(batch):
            row = t * batch + b
            _drive(min(b, len(base) - 1), current, base, private, columns, amounts, starts[row], starts[row + 1])
            if lateral.size > 0 and fired[b] > 0:
                _inhibit(b, current, lateral, uniform, sent, fired[b])
            fired[b] = _fire(b, v, a, current, membrane, adaptive, counts, sent)
            total += fired[b]
        # A weight that one event alone changes in this step is clipped at once.
        clip, outside = batch == 1 and total == 0, False
        for b in range(batch):
            first, last = starts[t * batch + b], starts[t * batch + b + 1]
            if coincident:
                _remember(t, b, columns, amounts, first, last, values, times, live, lengths, decays)
                _remember_sent(t, b, sent, fired[b], inputs, values, times, live, lengths, decays)
            if last > first and lengths[1, b] > 0:
                _fade(t, b, inputs, values, times, live, lengths, decays, rule, scratch)
                outside |= _depress(
                    b, private, columns, amounts, first, last, live, lengths[1, b], scratch, rule, clip, lowered
                )
            if fired[b] > 0:
                raised[b] = _potentiate(t, b, private, sent, fired[b], values, times, live, lengths, decays, rule)
                outside |= raised[b]
            if not coincident:
                _remember(t, b, columns, amounts, first, last, values, times, live, lengths, decays)
                _remember_sent(t, b, sent, fired[b], inputs, values, times, live, lengths, decays)
        if outside:
            for b in range(batch):
                for event in range(starts[t * batch + b], starts[t * batch + b + 1]):
                    if lowered[event]:
                        _clip_row(private, columns[event], b, live, inputs, lengths[1, b], rule)
                if raised[b]:
                    for place in range(lengths[0, b]):
                        _clip_row(private, live[b, place], b, sent, 0, fired[b], rule)
                    raised[b] = 0
    return counts


@kernel
def _remember(
    t: Any,
    b: Any,
    columns: Any,
    amounts: Any,
    first: Any,
    last: Any,
    values: Any,
    times: Any,
    live: Any,
    lengths: Any,
    decays: Any,
) -> Any:  # pragma: no cover
    """Enter the events ``first`` to ``last`` into the traces of a sample's inputs."""
    for event in range(first, last):
        k = columns[event]
        if times[b, k] < 0:
            values[b, k] = amounts[event]
            live[b, lengths[0, b]] = k
            lengths[0, b] += 1
        else:
            values[b, k] = values[b, k] * decays[0, t - times[b, k]] + amounts[event]
        times[b, k] = t


@kernel
def _remember_sent(
    t: Any, b: Any, sent: Any, fired: Any, inputs: Any, values: Any, times: Any, live: Any, lengths: Any, decays: Any
) -> Any:  # pragma: no cover
    """Enter the spikes of a sample into the traces of its neurons."""
    one = values.dtype.type(1)
    for spike in range(fired):
        j = sent[b, spike]
        if times[b, inputs + j] < 0:
            values[b, inputs + j] = one
            live[b, inputs + lengths[1, b]] = j
            lengths[1, b] += 1
        else:
            values[b, inputs + j] = values[b, inputs + j] * decays[1, t - times[b, inputs + j]] + one
        times[b, inputs + j] = t


@kernel
def _drive(
    constant: Any, current: Any, base: Any, private: Any, columns: Any, amounts: Any, first: Any, last: Any
) -> Any:  # pragma: no cover
    """Constant current and the weights of events ``first`` to ``last``, three at a time to store sums less often."""
    alone = first + (last - first) % 3
    if alone == first:
        for j in range(current.size):
            current[j] = base[U(constant), U(j)]
    elif alone == first + 1:
        k, share = U(columns[first]), amounts[first]
        for j in range(current.size):
            current[j] = base[U(constant), U(j)] + share * private[k, U(j)]
    else:
        k, share, m, other = U(columns[first]), amounts[first], U(columns[first + 1]), amounts[first + 1]
        for j in range(current.size):
            current[j] = base[U(constant), U(j)] + share * private[k, U(j)] + other * private[m, U(j)]
    for event in range(alone, last, 3):
        k, m, n = U(columns[event]), U(columns[event + 1]), U(columns[event + 2])
        share, other, third = amounts[event], amounts[event + 1], amounts[event + 2]
        for j in range(current.size):
            both = current[j] + share * private[k, U(j)] + other * private[m, U(j)]
            current[j] = both + third * private[n, U(j)]


@kernel
def _inhibit(b: Any, current: Any, lateral: Any, uniform: Any, sent: Any, fired: Any) -> Any:  # pragma: no cover
    """Inhibition that the spikes of the step before send to their own block."""
    if uniform:
        same = lateral[0, current.size - 1]
        together = same * current.dtype.type(fired)
        for j in range(current.size):
            current[j] += together
        for spike in range(fired):
            i = sent[b, spike]
            current[i] += lateral[i, i] - same
    else:
        for spike in range(fired):
            for j in range(current.size):
                current[j] += lateral[j, sent[b, spike]]


@kernel
def _fire(
    b: Any, v: Any, a: Any, current: Any, membrane: Any, adaptive: Any, counts: Any, sent: Any
) -> Any:  # pragma: no cover
    """One step of all neurons of a sample; those that fire are listed in ``sent``, and their number returned."""
    decay, gain, leak, threshold = membrane[0], membrane[1], membrane[2], membrane[4]
    beta, fires, length = membrane[7], False, 0
    if adaptive:
        for j in range(current.size):
            v[U(b), U(j)] = decay * v[U(b), U(j)] + (gain * current[j] + leak)
            fires |= v[U(b), U(j)] - beta * a[U(b), U(j)] > threshold
    else:
        for j in range(current.size):
            v[U(b), U(j)] = decay * v[U(b), U(j)] + (gain * current[j] + leak)
            fires |= v[U(b), U(j)] > threshold
    if fires:
        for j in range(current.size):
            if (v[b, j] - beta * a[b, j] if adaptive else v[b, j]) > threshold:
                v[b, j] = membrane[5] * v[b, j] + membrane[6]
                counts[b, j] += 1
                sent[b, length] = j
                length += 1
    if adaptive:
        for j in range(current.size):
            a[U(b), U(j)] *= membrane[8]
        for spike in range(length):
            a[b, sent[b, spike]] += 1
    return length


@kernel
def _fade(
    t: Any,
    b: Any,
    inputs: Any,
    values: Any,
    times: Any,
    live: Any,
    lengths: Any,
    decays: Any,
    rule: Any,
    scratch: Any,
) -> Any:  # pragma: no cover
    """What an input event now takes from the weights to every neuron that has fired, in ``scratch[0]``.

    A trace too old to change a weight is forgotten: the list is as long as the present, not the presentation.
    """
    least = NEGLIGIBLE * np.finfo(values.dtype).eps * rule[4]
    length = 0
    for place in range(lengths[1, b]):
        j = live[b, inputs + place]
        change = rule[1] * values[b, inputs + j] * decays[1, t - times[b, inputs + j]]
        if abs(change) < least:
            times[b, inputs + j] = -1
        else:
            scratch[0, length], live[b, inputs + length] = change, j
            length += 1
    lengths[1, b] = length


@kernel
def _depress(
    b: Any,
    private: Any,
    columns: Any,
    amounts: Any,
    first: Any,
    last: Any,
    live: Any,
    length: Any,
    scratch: Any,
    rule: Any,
    clip: Any,
    lowered: Any,
) -> Any:  # pragma: no cover
    """Each input event, against the traces of the neurons that have fired.

    With ``clip`` weights are brought back within the bounds at once; else tells whether one lies outside, and marks in
    ``lowered`` the events of which one does.
    """
    inputs, size = private.shape
    low, high, outside, dense = rule[2], rule[3], False, length > DENSE * size
    if dense:
        for j in range(size):
            scratch[1, j] = 0
        for place in range(length):
            scratch[1, live[b, inputs + place]] = scratch[0, place]
    for event in range(first, last):
        k, share, beyond = U(columns[event]), amounts[event], False
        if dense:
            for j in range(size):
                value = private[k, U(j)] - share * scratch[1, U(j)]
                beyond |= (value < low) | (value > high)
                private[k, U(j)] = value
        else:
            for place in range(length):
                neuron = U(live[b, inputs + place])
                value = private[k, neuron] - share * scratch[0, place]
                beyond |= (value < low) | (value > high)
                private[k, neuron] = value
        if beyond and clip:
            _clip_row(private, columns[event], b, live, inputs, length, rule)
        lowered[event] = beyond and not clip
        outside |= lowered[event] > 0
    return outside


@kernel
def _potentiate(
    t: Any,
    b: Any,
    private: Any,
    sent: Any,
    fired: Any,
    values: Any,
    times: Any,
    live: Any,
    lengths: Any,
    decays: Any,
    rule: Any,
) -> Any:  # pragma: no cover
    """Each spike, against the traces of the inputs that have been active; tells whether a weight lies outside.

    As by ``_fade``, a trace too old to change a weight is forgotten.
    """
    least = NEGLIGIBLE * np.finfo(values.dtype).eps * rule[4]
    low, high, outside, length = rule[2], rule[3], False, 0
    for place in range(lengths[0, b]):
        k = U(live[b, place])
        share = rule[0] * values[b, k] * decays[0, t - times[b, k]]
        if abs(share) < least:
            times[b, k] = -1
            continue
        live[b, length] = k
        length += 1
        for spike in range(fired):
            j = U(sent[b, spike])
            value = private[k, j] + share
            outside |= (value < low) | (value > high)
            private[k, j] = value
    lengths[0, b] = length
    return outside


@kernel
def _clip_row(
    private: Any, row: Any, b: Any, listed: Any, first: Any, length: Any, rule: Any
) -> Any:  # pragma: no cover
    """Bring the weights from one input to the neurons ``listed`` from ``first`` on back within the bounds."""
    for place in range(first, first + length):
        j = listed[b, place]
        private[row, j] = min(max(private[row, j], rule[2]), rule[3])
