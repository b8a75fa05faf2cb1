"""The interface of a rule's needs: a check of a network, and the settings that fulfil it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from spikelearn.network import Network

#: Settings as plain values, under the names of the command line's flags.
Values = Mapping[str, Any]


class Unmet(ValueError):
    """A network that lacks something that a rule needs."""


class Need(ABC):
    """Something that a rule cannot do without."""

    @property
    def settings(self) -> Values:
        """Plain values that fulfil it; in a network string {input}, {hidden}, {first} and {output} are sizes.

        They stand for those of a common dense network: {hidden} for all hidden sizes, joined by hyphens.
        """
        return {}

    @property
    def still(self) -> Values:
        """Further settings where samples are still images."""
        return {}

    @abstractmethod
    def check(self, network: Network, rule: str) -> None:
        """Raise ValueError where ``network`` lacks it: what ``rule`` needs, what was found, and the cure."""

    @abstractmethod
    def __str__(self) -> str:
        """A few words for a list of needs."""


def check_needs(rule: str, needs: Iterable[Need], network: Network) -> None:
    """Raise Unmet where ``network`` lacks some of ``needs``, with the sentences of all of them."""
    unmet = []
    for need in needs:
        try:
            need.check(network, rule)
        except ValueError as error:
            unmet.append(str(error))
    if len(unmet) == 1:
        raise Unmet(unmet[0])
    if unmet:
        numbered = "; ".join(f"({number}) {words}" for number, words in enumerate(unmet, start=1))
        raise Unmet(f"{len(unmet)} needs of {rule} are not met: {numbered}")


@dataclass(frozen=True)
class Passes(Need):
    """A network that a check of one rule's own lets pass.

    Args:
        words: what it asks for, in a few words.
        test: raises ValueError where a network, for the rule of a name, lacks it.
        fulfilled_by: the settings that fulfil it.
    """

    words: str
    test: Callable[[Network, str], object]
    fulfilled_by: Values = field(default_factory=dict)

    @property
    def settings(self) -> Values:
        return self.fulfilled_by

    def check(self, network: Network, rule: str) -> None:
        self.test(network, rule)

    def __str__(self) -> str:
        return self.words
