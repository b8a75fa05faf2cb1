"""How a training, or a run that has ended, predicts: by its network's readout, or as its rule says."""

from typing import Any

from torch import Tensor

from spikelearn.measure import Predict
from spikelearn.network import Network
from spikelearn.plasticity import Memory, Rule
from spikelearn.seeding import generator_for
from spikelearn.training.checkpoint import load_checkpoint
from spikelearn.training.folder import RunFolder
from spikelearn.training.settings import Settings
from spikelearn.training.state_checks import check_like


def predictor(rule: Rule, network: Network, memory: Memory) -> Predict | None:
    """What gives the scores of a network that ``rule`` trains; None: the readout of one run."""
    reads, own = rule.predicting(network, memory)
    if type(reads).scores is Rule.scores:
        return None

    def predict(network: Network, inputs: Tensor, valid: Tensor | None) -> Tensor:
        return reads.scores(network, inputs, own, valid)

    return predict


def trained_predictor(folder: RunFolder, settings: Settings, network: Network) -> Predict | None:
    """``predictor`` of a run, with the memory that its rule had in the end, from the run's checkpoint.

    Raises:
        ValueError: a rule that predicts with its memory, and no checkpoint, or a damaged one.
    """
    rule = settings.make_rule()
    if predictor(rule, network, {}) is None:
        return None
    memory = rule.init(network, generator_for(settings.seed, "rule"))
    if memory:
        training = load_checkpoint(folder.checkpoint).get("training")
        found: Any = training.get("memory") if isinstance(training, dict) else None
        check_like(f"{folder.checkpoint}: memory", found, memory)
        memory = {name: found[name].to(value.device) for name, value in memory.items()}
    return predictor(rule, network, memory)


def check_patience(settings: Settings, rule: Rule, network: Network, memory: Memory) -> None:
    """Raise ValueError where the best epoch's weights would be read with the memory of the last epoch."""
    if settings.patience is not None and memory and predictor(rule, network, memory) is not None:
        raise ValueError(
            f"patience is {settings.patience}, but {rule.name} predicts with its memory, which is not kept for the "
            "best epoch: drop patience"
        )
