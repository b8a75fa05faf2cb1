"""Poisson inputs, competing conductance-based neurons and nearest-spike STDP: compiled loops over a whole presentation.

The operations of a neuron are those of ``DiehlCookLIF.step``, in its order, and the random numbers are those of
``Poisson.step``: in equal weights the spikes are the same, up to the order in which a conductance's weights are summed.
Weights are [inputs, neurons], so that an input's spike goes through one row.
"""

from typing import Any

import numpy as np

from spikelearn.kernels.compiled import kernel

U = np.uint64

#: Rows of the state: what a neuron carries from step to step.
V, EXCITATORY, INHIBITORY, REST, THETA, RISE, PARTNER_V, PARTNER_EXCITATORY, PARTNER_REST, POST, SLOW_POST = range(11)
ROWS = 11


@kernel(
    contract=False,
    takes={
        "clock": "int B",
        "columns": "short E < A",
        "starts": "int B+1 ^ E",
        "below": "int E",
        "stream": "int E",
        "last": "int E",
        "chosen": "int C < B",
        "rows": "real A n",
        "change": "real A|0 n",
        "state": f"real {ROWS} B n",
        "counts": "int B n",
        "arrived": "int B",
        "neuron": "real 13",
        "partner": "real 8",
        "rule": "real 5",
        "decays": "real D",
        "fading": "real 2",
    },
    holds=("n >= 1", "D >= 1", "B >= 1"),
)
def present(
    columns: Any,
    starts: Any,
    below: Any,
    stream: Any,
    last: Any,
    clock: Any,
    chosen: Any,
    rows: Any,
    change: Any,
    state: Any,
    counts: Any,
    arrived: Any,
    steps: Any,
    pause: Any,
    shift: Any,
    neuron: Any,
    partner: Any,
    rule: Any,
    decays: Any,
    fading: Any,
    learns: Any,
) -> None:  # pragma: no cover
    """Show the ``chosen`` samples for ``steps`` steps, then nothing for ``pause`` steps.

    columns, starts, below, stream, last: the inputs of sample b that are not dark, numbers ``starts[b]`` to
    ``starts[b + 1]``: the row of each, under which draw it fires, its stream, and when it last has, -1: never. clock:
    steps of each sample so far. change: where changes are summed; empty: ``rows`` themselves change at every step.
    counts, arrived: spikes of the neurons while shown, and of the inputs. shift: of a draw, 64 less its bits. neuron:
    dt / tau, leak, reset, threshold, both reversal potentials, decays of both conductances, steps of rest, rise and
    start of theta, excitation, inhibition. partner: dt / tau, leak, reset, threshold, reversal potential, decay of the
    conductance, steps of rest, excitation. rule: potentiation by pairs and by triplets, depression, all over the batch;
    low and high bound. decays: of a presynaptic trace after 0, 1, 2, ... steps.
    fading: of the two postsynaptic traces.
    """
    batch, size = state.shape[1], state.shape[2]
    events, lengths = np.empty((batch, np.diff(starts).max()), np.int64), np.zeros(batch, np.int64)
    sent, fired = np.empty((batch, size), np.int64), np.zeros(batch, np.int64)
    awake = np.zeros(batch, np.bool_)
    current = np.empty(size, state.dtype)
    for b in chosen:
        awake[b] = state[POST, b].max() > 0
    for t in range(steps + pause):
        for b in chosen:
            first, end = starts[b], starts[b + 1]
            lengths[b] = 0 if t >= steps else _draw(stream[first:end], below[first:end], shift, events[b], first)
            fired[b] = _advance(state, b, sent[b], neuron, partner)
            for place in range(fired[b]):
                counts[b, sent[b, place]] += t < steps
            arrived[b] += lengths[b]
            if lengths[b] > 0:
                _arrive(current, state[EXCITATORY, b], rows, columns, events[b, : lengths[b]])
        if learns:
            heard = events, lengths, sent, fired
            _learn_all(chosen, heard, rows, change, state, columns, starts, last, clock, rule, decays, fading, awake)
        for b in chosen:
            clock[b] += 1
    for b in chosen:
        for e in range(starts[b], starts[b + 1]):
            stream[e] = np.int64(U(stream[e]) + U(pause) * U(0x9E3779B97F4A7C15))


@kernel
def _learn_all(
    chosen: Any,
    heard: Any,
    rows: Any,
    change: Any,
    state: Any,
    columns: Any,
    starts: Any,
    last: Any,
    clock: Any,
    rule: Any,
    decays: Any,
    fading: Any,
    awake: Any,
) -> Any:  # pragma: no cover
    """The changes of all samples at one step, and then the bounds, where weights change at once."""
    events, lengths, sent, fired = heard
    online = change.shape[0] == 0
    for b in chosen:
        if awake[b]:
            for j in range(state.shape[2]):
                state[POST, b, j] *= fading[0]
                state[SLOW_POST, b, j] *= fading[1]
        spikes = events[b, : lengths[b]], sent[b, : fired[b]]
        marked = starts[b], starts[b + 1]
        _learn(
            change if not online else rows, state, b, columns, last, marked, clock[b], spikes, rule, decays, awake[b]
        )
        awake[b] |= fired[b] > 0
    if online:
        for b in chosen:
            marked = starts[b], starts[b + 1]
            _clip(rows, columns, marked, events[b, : lengths[b]], sent[b, : fired[b]], rule, awake[b])


@kernel
def _draw(stream: Any, below: Any, shift: Any, events: Any, first: Any) -> Any:  # pragma: no cover
    """Draw once for every input; the numbers of those that fire go to ``events``."""
    length = 0
    for e in range(stream.size):
        x = U(stream[e]) + U(0x9E3779B97F4A7C15)
        stream[e] = np.int64(x)
        x = (x ^ (x >> U(30))) * U(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> U(27))) * U(0x94D049BB133111EB)
        x ^= x >> U(31)
        # Written without a branch: one in a hundred fires, at random.
        events[min(length, events.size - 1)] = first + e
        length += np.int64(x >> U(shift)) < below[e]
    return length


@kernel(contract=False)
def _advance(state: Any, b: Any, sent: Any, neuron: Any, partner: Any) -> Any:  # pragma: no cover
    """One step of the neurons and partners of a sample; those that fire are listed in ``sent``."""
    size, length, answers = state.shape[2], 0, 0
    zero, one = neuron.dtype.type(0), neuron.dtype.type(1)
    step, leak, reset, threshold, e_exc, e_inh = neuron[0], neuron[1], neuron[2], neuron[3], neuron[4], neuron[5]
    decay_e, decay_i, rest, plus, start = neuron[6], neuron[7], neuron[8], neuron[9], neuron[10]
    p_step, p_leak, p_reset, p_threshold, p_exc = partner[0], partner[1], partner[2], partner[3], partner[4]
    v, g_e, g_i, held = state[V, b], state[EXCITATORY, b], state[INHIBITORY, b], state[REST, b]
    theta, rise = state[THETA, b], state[RISE, b]
    p_v, p_g, p_held = state[PARTNER_V, b], state[PARTNER_EXCITATORY, b], state[PARTNER_REST, b]
    some = False
    for j in range(size):
        x = p_v[j] + p_step * ((p_leak - p_v[j]) + p_g[j] * (p_exc - p_v[j]))
        x = p_reset if p_held[j] > zero else x
        p_v[j] = x
        some |= x > p_threshold
    for j in range(size):
        drive = ((leak - v[j]) + g_e[j] * (e_exc - v[j])) + g_i[j] * (e_inh - v[j])
        x = v[j] + _step(step, one, drive, g_e[j], g_i[j])
        v[j] = reset if held[j] > zero else x
        held[j] = max(held[j] - one, zero)
        p_held[j] = max(p_held[j] - one, zero)
        g_e[j] = decay_e * g_e[j]
        g_i[j] = decay_i * g_i[j]
        p_g[j] = partner[5] * p_g[j]
    if some:
        for j in range(size):
            answers += p_v[j] > p_threshold
        for j in range(size):
            own = p_v[j] > p_threshold
            g_i[j] += neuron[12] * neuron.dtype.type(answers - own)
            if own:
                p_v[j], p_held[j] = p_reset, partner[6]
    fires = False
    for j in range(size):
        fires |= v[j] - ((theta[j] - start) + rise[j]) > threshold
    if fires:
        for j in range(size):
            if v[j] - ((theta[j] - start) + rise[j]) > threshold:
                v[j], held[j] = reset, rest
                rise[j] += plus
                p_g[j] += partner[7]
                sent[length] = j
                length += 1
    return length


@kernel(contract=False)
def _step(step: Any, one: Any, drive: Any, g_e: Any, g_i: Any) -> Any:  # pragma: no cover
    """What a potential changes by: an Euler step, but not beyond where the conductances draw it."""
    total = (one + g_e) + g_i
    # Both are calculated: without a branch the neurons are vectorised.
    whole, part = drive / total, step * drive
    return whole if step * total > one else part


@kernel(contract=False)
def _arrive(current: Any, conductance: Any, rows: Any, columns: Any, events: Any) -> Any:  # pragma: no cover
    """The weights of the inputs that fire enter the conductance; what is below 0 in all opens nothing."""
    current[:] = 0
    for e in events:
        row = rows[columns[e]]
        for j in range(current.size):
            current[j] += row[j]
    for j in range(current.size):
        conductance[j] += max(current[j], current.dtype.type(0))


@kernel
def _learn(
    rows: Any,
    state: Any,
    b: Any,
    columns: Any,
    last: Any,
    marked: Any,
    now: Any,
    spikes: Any,
    rule: Any,
    decays: Any,
    awake: Any,
) -> Any:  # pragma: no cover
    """The changes of one sample and step, by traces without this step's spikes; then they are marked."""
    post, slow = state[POST, b], state[SLOW_POST, b]
    events, sent = spikes
    if awake:
        for e in events:
            row = rows[columns[e]]
            for j in range(row.size):
                row[j] -= rule[2] * post[j]
    oldest = decays.size - 1
    for j in sent:
        amount = rule[0] + rule[1] * slow[j]
        for e in range(marked[0], marked[1]):
            if last[e] >= 0:
                rows[columns[e], j] += amount * decays[min(now - last[e], oldest)]
    for e in events:
        last[e] = now
    for j in sent:
        post[j] = slow[j] = 1


@kernel
def _clip(
    rows: Any, columns: Any, marked: Any, events: Any, sent: Any, rule: Any, awake: Any
) -> Any:  # pragma: no cover
    """Bring back within the bounds what a sample has changed."""
    low, high = rule[3], rule[4]
    if awake:
        for e in events:
            row = rows[columns[e]]
            for j in range(row.size):
                row[j] = min(max(row[j], low), high)
    for j in sent:
        for e in range(marked[0], marked[1]):
            k = columns[e]
            rows[k, j] = min(max(rows[k, j], low), high)


@kernel(
    contract=False,
    takes={
        "spikes": "real T B n",
        "v": "real T B n",
        "current": "real T|1 B n",
        "state": f"real {ROWS} B n",
        "neuron": "real 13",
        "partner": "real 8",
    },
)
def scan(current: Any, state: Any, neuron: Any, partner: Any, spikes: Any, v: Any) -> None:  # pragma: no cover
    """Drive the neurons by a record of currents; their spikes, and what was compared with the threshold before reset.

    The arguments are those of ``present``; one current may stand for all steps.
    """
    steps, batch, size = spikes.shape
    sent, before = np.empty(size, np.int64), np.empty(size, state.dtype)
    for b in range(batch):
        theta, rise, held, g_e = state[THETA, b], state[RISE, b], state[REST, b], state[EXCITATORY, b]
        for t in range(steps):
            for j in range(size):
                potential = state[V, b, j]
                drive = (neuron[1] - potential) + g_e[j] * (neuron[4] - potential)
                drive += state[INHIBITORY, b, j] * (neuron[5] - potential)
                x = potential + _step(neuron[0], neuron.dtype.type(1), drive, g_e[j], state[INHIBITORY, b, j])
                before[j] = neuron[2] if held[j] > 0 else x
                v[t, b, j] = before[j] - ((theta[j] - neuron[10]) + rise[j])
                spikes[t, b, j] = 0
            fired = _advance(state, b, sent, neuron, partner)
            for place in range(fired):
                spikes[t, b, sent[place]] = 1
            given = current[min(t, len(current) - 1), b]
            for j in range(size):
                g_e[j] += max(given[j], given.dtype.type(0))
