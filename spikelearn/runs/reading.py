"""Runs as their folders hold them: settings, and how a run that has ended predicts."""

from typing import Any

from spikelearn.measure import Predict
from spikelearn.network import Network
from spikelearn.runs.settings import Settings
from spikelearn.runs.settings_files import check_recorded, read_whole_settings
from spikelearn.seeding import generator_for
from spikelearn.training.checkpoint import load_checkpoint
from spikelearn.training.folder import RunFolder
from spikelearn.training.predicting import predictor
from spikelearn.training.state_checks import check_like


def open_run(folder: RunFolder) -> Settings:
    """The settings of a run.

    Raises:
        ValueError: the folder holds no run; its settings are damaged, or were changed after it ended.
    """
    if not folder.settings.is_file():
        raise ValueError(f"{folder.path} holds no run (no {folder.settings.name}): name the folder that train wrote")
    settings = read_whole_settings(folder.settings)
    result = folder.read_result()
    if result is not None:
        changed = f"{folder.settings} was changed after the run, which had"
        check_recorded(settings, result["settings"], changed, list(Settings.model_fields))
    return settings


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
        kept: Any = training.get("memory") if isinstance(training, dict) else None
        check_like(f"{folder.checkpoint}: memory", kept, memory)
        memory = {name: kept[name].to(value.device) for name, value in memory.items()}
    return predictor(rule, network, memory)
