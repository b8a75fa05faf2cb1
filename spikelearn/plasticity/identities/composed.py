"""Identities of rules that are made of others."""

from spikelearn.plasticity.gradient.bptt import BPTT
from spikelearn.plasticity.hebbian.stdp import STDP
from spikelearn.plasticity.identities.base import changes, compare, dense, identity, spikes_for
from spikelearn.plasticity.identities.by_hand import pair_sum, unrolled
from spikelearn.plasticity.split import Split


@identity("split")
def split() -> None:
    """The first block's changes are sums over pairs of spikes, the last block's are gradients."""
    network, batch = dense(6, 5, 4), spikes_for(6, 4)
    changed = changes(Split({"b0": STDP(0.3, 0.2, 5e-3, 12e-3), "last": BPTT()}), network, batch)
    expected = pair_sum(batch, network.run(batch.inputs)[0]["b0"].spikes)
    last = {name: grad for name, grad in unrolled(network, batch).items() if name.startswith("blocks.b1.")}
    compare("split", changed, expected | last)
