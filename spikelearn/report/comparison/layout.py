"""What stays the same all over the page: arms with their styles, data sets, and facets that share a chart."""

import re
from dataclasses import dataclass
from typing import Any

from spikelearn.bench.analyse.results import Results
from spikelearn.plasticity.families import FAMILIES, OTHER, family_of
from spikelearn.report.comparison.arm_style import ArmStyle


@dataclass(frozen=True)
class Facet:
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
class Layout:
    """Arms, data sets and facets of a comparison, in the plan's order."""

    arms: tuple[ArmStyle, ...]
    data: tuple[str, ...]
    facets: tuple[Facet, ...]

    def arm(self, name: str) -> int:
        """Number of an arm."""
        return next(style.index for style in self.arms if style.name == name)

    def arms_of(self, *names: str) -> tuple[int, ...]:
        """Numbers of arms, without names that are none."""
        known = {style.name: style.index for style in self.arms}
        return tuple(known[name] for name in names if name in known)

    def data_of(self, name: str) -> int | None:
        """Number of a data set; None where the comparison has no such."""
        return self.data.index(name) if name in self.data else None

    @property
    def families(self) -> dict[str, list[ArmStyle]]:
        """Arms by the family of their rule; families that have none are left out."""
        by_name = {name: [arm for arm in self.arms if arm.family == name] for name in (*FAMILIES.values(), OTHER)}
        return {name: arms for name, arms in by_name.items() if arms}

    @property
    def many_nets(self) -> bool:
        """Whether networks must be named to tell facets apart."""
        return len({facet.net for facet in self.facets}) > 1

    @property
    def many_facets(self) -> bool:
        """Whether there is more than one chart of each kind."""
        return len(self.facets) > 1

    @property
    def place_columns(self) -> set[str]:
        """Which of the columns "data" and "net" do not say the same in every row of a table."""
        return ({"data"} if len(self.data) > 1 else set()) | ({"net"} if self.many_nets else set())


def layout_of(results: Results) -> Layout:
    """The layout of a comparison."""
    data = tuple(dict.fromkeys(place["data"] for place in results.places))
    pairs = list(dict.fromkeys((place["data"], place["net"]) for place in results.places))
    many = len({net for _, net in pairs}) > 1
    facets: list[Facet] = []
    for name, net in pairs:
        title = f"{name}, {net}" if many else name
        key = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
        facets.append(Facet(f"{len(facets)}-{key}", title, data.index(name), name, net))
    rules = {name: results.index.arms.get(name, {}).get("rule", name) for name in results.arms}
    arms = tuple(ArmStyle(index, name, family_of(rule)) for index, (name, rule) in enumerate(rules.items()))
    return Layout(arms, data, tuple(facets))
