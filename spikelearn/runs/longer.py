"""More epochs for a run that has ended."""

from spikelearn.runs.settings import Settings
from spikelearn.runs.settings_files import settings_from, write_settings
from spikelearn.training.checkpoint import load_checkpoint, save_checkpoint
from spikelearn.training.folder import RunFolder
from spikelearn.training.parts import schedule_of
from spikelearn.training.schedules import SCHEDULES


def train_longer(folder: RunFolder, settings: Settings, epochs: int) -> Settings:
    """Have a run go on to ``epochs`` epochs when it is resumed; the settings that it then has, in its folder too.

    What it has left stays until it has ended again; its result goes, since it is not that of the new settings.

    Args:
        folder: the run's.
        settings: that it had.
        epochs: more than before.

    Raises:
        ValueError: fewer epochs; a schedule or a pruning that is stretched over all epochs, so that with more of them
            the first would have been others; no checkpoint, or a damaged one.
    """
    if epochs < settings.epochs:
        raise ValueError(f"epochs is {epochs}, expected more than the {settings.epochs} that the run has: raise it")
    longer = settings_from({**settings.model_dump(), "epochs": epochs})
    rule, pruning = settings.make_rule(), settings.make_pruning()
    schedules = [*map(schedule_of, rule.parts.values())] or [settings.schedule_name()]
    schedule = next((name for name in schedules if SCHEDULES.make(name).stretched), None)
    if schedule is not None:
        raise ValueError(
            f"the learning rate of {folder.path} has the schedule {schedule!r}, which runs over all {settings.epochs} "
            f"epochs: with {epochs} it would have been another from the beginning; train anew, "
            "with --schedule constant where it is to be trained longer in turn"
        )
    if pruning is not None and (pruning.gradual or pruning.start > 0):
        raise ValueError(
            f"{folder.path} prunes at a share of its {settings.epochs} epochs: with {epochs} it would have been "
            "another from the beginning; train anew"
        )
    with folder.claimed():
        if not folder.holds_settings_alone:
            state = load_checkpoint(folder.checkpoint)
            if not isinstance(about := state.get("about"), dict):
                raise ValueError(f"{folder.checkpoint} is of another version of this program: train anew")
            folder.result.unlink(missing_ok=True)
            save_checkpoint(folder.checkpoint, {**state, "about": {**about, "epochs": epochs}})
        write_settings(folder.settings, longer)
    return longer
