"""Triplet STDP gives the frequency dependence of its paper, of which pair STDP is incapable."""

import torch

from spikelearn.plasticity import STDP, Batch, TripletSTDP, VisualCortex
from tests.golden.prescribed import WEIGHT, both_sides, prescribed
from tests.helpers import only_update

#: {lag, ms: change after 60 pairs at each frequency}, minimal model of visual cortex, all-to-all.
FREQUENCIES = (0.1, 10, 20, 40, 50)
TABLE = {10: (0.000, 0.119, 0.228, 0.532, 0.763), -10: (-0.317, -0.332, -0.342, 0.174, 0.749)}
EXPECTED = torch.tensor([TABLE[10], TABLE[-10]], dtype=torch.float64).flatten()


def changes(make, periods, step):
    """Changes [lags * periods] of synapses by 60 pairs each, with ``step`` ms a time step."""
    conditions = [(lag, period) for lag in TABLE for period in periods]
    pre = torch.zeros((60 * max(periods) + 40) // step, 1, len(conditions), dtype=torch.float64)
    post = torch.zeros_like(pre)
    for column, (lag, period) in enumerate(conditions):
        times = 20 + period * torch.arange(60)
        pre[times // step, 0, column], post[(times + lag) // step, 0, column] = 1.0, 1.0
    size, dt = len(conditions), 1e-3 * step
    network = prescribed(0.5 * torch.eye(size), dt)
    batch = Batch(both_sides(pre, post), torch.zeros(1, dtype=torch.int64))
    change = -only_update(make(dt), network, batch).grads[WEIGHT]
    return change[:, :size].diagonal().view(len(TABLE), len(periods))


def table(make):
    slow = changes(make, [10_000], 10)
    return torch.cat([slow, changes(make, [100, 50, 25, 20], 5)], 1).flatten()


def test_the_frequency_table_of_the_paper_and_that_no_pair_rule_gives_it():
    def triplets(dt):
        infinite = float("inf")
        return TripletSTDP(VisualCortex("minimal"), low=-infinite, high=infinite, dt=dt, online=False)

    def pairs(a_plus, a_minus):
        return lambda dt: STDP(a_plus, a_minus, 16.8e-3, 33.7e-3, dt=dt)

    assert float((table(triplets) - EXPECTED).abs().max()) < 0.01
    # Pair STDP is linear in its two amplitudes: the best of all of them is a least squares fit.
    basis = torch.stack([table(pairs(1.0, 0.0)), table(pairs(0.0, 1.0))], 1)
    best = basis @ torch.linalg.lstsq(basis, EXPECTED.unsqueeze(1)).solution
    assert float((best.flatten() - EXPECTED).abs().max()) > 0.3
