"""A trial: one training of one arm."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from spikelearn.datasets import short_name
from spikelearn.runs import Settings


@dataclass(frozen=True)
class Trial:
    """One training of one arm.

    Args:
        arm: the arm's name.
        settings: all that the training depends on.
        after: what is done to the trained network before further tests, for example "gaussian:sd=0.1".
        differs: names of the settings in which the arm differs from the common conditions.
        tuning: the search that found the arm's settings; None: none.
        measure: whether alignment, operations and activity are measured.
    """

    arm: str
    settings: Settings
    after: tuple[str, ...] = ()
    differs: tuple[str, ...] = ()
    tuning: Mapping[str, Any] | None = None
    measure: bool = True

    @cached_property
    def id(self) -> str:
        """A name that tells what it is, with a hash of everything that its result depends on."""
        made_of = {
            "settings": self.settings.result_depends_on(),
            "arm": self.arm,
            "after": self.after,
            "measure": self.measure,
        }
        digest = hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()[:10]
        return f"{short_name(self.settings.data)}-{self.arm}-{self.settings.seed}-{digest}"
