"""Groups of settings, and how a setting's flag is written."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pydantic.fields import FieldInfo

from spikelearn.registry import Registry


class Group(Enum):
    """A group of settings; what a comparison, a search or a recipe does with a setting follows from its group."""

    RULE = "the rule and its options"
    NETWORK = "the network, what it is shown and what is read from it"
    DATA = "the samples, and what is asked of them"
    PROTOCOL = "on how many samples one trains and how long, from which numbers one begins, and what is measured"
    STEP = "how changes are applied; the rule declares what is not said"
    LEARNING = "which weights learn, in which batches, and what else acts on them"
    PLACE = "where files lie, and on what it is computed: no result depends on it"


@dataclass(frozen=True)
class Setting:
    """The group and the flag of a setting.

    Args:
        group: what it belongs to.
        names: the registry whose names stand for ``{names}`` in the description.
        metavar: what the flag calls a value.
        fixed: it says what is tuned, so that no search changes it.
        shared: all arms of a comparison have it in common, as all settings of DATA and PROTOCOL: an arm with another
            one would learn from other samples, or from more of them.
    """

    group: Group
    names: Registry[Any] | None = None
    metavar: str | None = None
    fixed: bool = False
    shared: bool = False

    @property
    def is_shared(self) -> bool:
        """All arms of a comparison have it in common."""
        return self.shared or self.group in (Group.DATA, Group.PROTOCOL)

    @property
    def is_searched(self) -> bool:
        """A search may change it."""
        return not (self.fixed or self.is_shared or self.group is Group.PLACE)

    @property
    def decides_weights(self) -> bool:
        """The same weights mean something else under another value."""
        return self.group in (Group.NETWORK, Group.DATA)


def about(field: FieldInfo) -> Setting:
    """The group and the flag of a field."""
    (setting,) = (item for item in field.metadata if isinstance(item, Setting))
    return setting


def described(field: FieldInfo) -> str:
    """The description of a field, with the names of the components that it takes."""
    registry = about(field).names
    *others, last = registry.names if registry is not None else [""]
    return (field.description or "").replace("{names}", f"{', '.join(others)} or {last}" if others else last)


def in_groups(fields: Mapping[str, FieldInfo], *groups: Group) -> tuple[str, ...]:
    """The names of the settings of some groups."""
    return tuple(name for name, field in fields.items() if about(field).group in groups)
