"""Predictions of a training: by its network's readout, or as its rule says."""

from torch import Tensor

from spikelearn.measure import Predict
from spikelearn.network import Network
from spikelearn.plasticity import Memory, Rule


def predictor(rule: Rule, network: Network, memory: Memory) -> Predict | None:
    """The scores of a network as ``rule`` makes them; None: the readout of one run."""
    reads, own = rule.predicting(network, memory)
    if type(reads).scores is Rule.scores:
        return None

    def predict(network: Network, inputs: Tensor, valid: Tensor | None) -> Tensor:
        return reads.scores(network, inputs, own, valid)

    return predict


def reader(rule: Rule, network: Network, memory: Memory) -> Predict | None:
    """What a fitted readout reads, as ``rule`` shows samples to a network; None: that of one run."""
    reads, own = rule.predicting(network, memory)
    if type(reads).read is Rule.read:
        return None

    def read(network: Network, inputs: Tensor, valid: Tensor | None) -> Tensor:
        return reads.read(network, inputs, own, valid)

    return read
