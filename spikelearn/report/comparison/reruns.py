"""Commands that train a trial of the comparison anew."""

import shlex
from collections.abc import Mapping
from typing import Any

from spikelearn.bench.analyse.results import Results
from spikelearn.bench.run.trial_folder import TrialFolder


def rerun_command(results: Results, place: Mapping[str, Any]) -> str:
    """What trains the trial at a place anew, typed from where the comparison's folder was named."""
    settings = TrialFolder(results.folder / "trials" / str(place["trial"])).settings
    return shlex.join(["spikelearn", "train", "--config", str(settings)])
