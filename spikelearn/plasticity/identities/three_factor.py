"""Identities of three-factor rules that are put together from a signal and a trace."""

from spikelearn.plasticity.identities.base import changes, compare, dense, identity, spikes_for
from spikelearn.plasticity.identities.by_hand import unrolled
from spikelearn.plasticity.three_factor.rule import ThreeFactor
from spikelearn.plasticity.three_factor.signals import Spatial
from spikelearn.plasticity.three_factor.traces import EligibilityTrace


@identity("three-factor")
def three_factor() -> None:
    """With each neuron's own eligibility it is ``bptt``, and with a trace of its decay in one block without bias."""
    network, batch = dense(6, 8, 7, 4), spikes_for(6, 4)
    rule = ThreeFactor(Spatial(), EligibilityTrace())
    compare("three-factor", changes(rule, network, batch), unrolled(network, batch))
    network = dense(6, 4)
    del network.blocks["b0"].synapse.bias
    network.blocks["b0"].synapse.register_parameter("bias", None)
    compare("three-factor", changes(ThreeFactor(), network, batch), unrolled(network, batch))
