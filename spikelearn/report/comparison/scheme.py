"""What stays the same all over the page: arms with their looks, data sets, and groups that share a chart."""

import re
from dataclasses import dataclass
from typing import Any

from spikelearn.compare.results import Results
from spikelearn.report.comparison.looks import ArmLook


@dataclass(frozen=True)
class Group:
    """One data set with one network: what may be compared in one chart.

    Args:
        key: unique in the page.
        name: in captions.
        data: number of the data set.
        data_name, net: as in the tables of the results.
    """

    key: str
    name: str
    data: int
    data_name: str
    net: str

    def of(self, frame: Any) -> Any:
        """The rows of a table of the results that belong here."""
        return frame[(frame["data"] == self.data_name) & (frame["net"] == self.net)]


@dataclass(frozen=True)
class Scheme:
    """Arms, data sets and groups of a comparison, in the plan's order."""

    arms: tuple[ArmLook, ...]
    data: tuple[str, ...]
    groups: tuple[Group, ...]

    def arm(self, name: str) -> int:
        """Number of an arm."""
        return next(look.index for look in self.arms if look.name == name)

    def arms_of(self, *names: str) -> tuple[int, ...]:
        """Numbers of arms, without names that are none."""
        known = {look.name: look.index for look in self.arms}
        return tuple(known[name] for name in names if name in known)

    def data_of(self, name: str) -> int | None:
        """Number of a data set; None where the comparison has no such."""
        return self.data.index(name) if name in self.data else None

    @property
    def many_nets(self) -> bool:
        """Whether networks must be named to tell groups apart."""
        return len({group.net for group in self.groups}) > 1

    @property
    def many_groups(self) -> bool:
        """Whether there is more than one chart of each kind."""
        return len(self.groups) > 1


def scheme_of(results: Results) -> Scheme:
    """The scheme of a comparison."""
    data = tuple(dict.fromkeys(place["data"] for place in results.places))
    pairs = list(dict.fromkeys((place["data"], place["net"]) for place in results.places))
    many = len({net for _, net in pairs}) > 1
    groups: list[Group] = []
    for name, net in pairs:
        title = f"{name}, {net}" if many else name
        key = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
        groups.append(Group(f"{len(groups)}-{key}", title, data.index(name), name, net))
    arms = tuple(ArmLook(index, name) for index, name in enumerate(results.arms))
    return Scheme(arms, data, tuple(groups))
