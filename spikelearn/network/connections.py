"""Words of a network string that say which neurons are connected, how late, and what a spike releases."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from spikelearn.component_text import name_in, options_in, parse_value
from spikelearn.synapses import DelayedLinear, SparseLinear
from spikelearn.synapses.releases import RELEASES, Release

WORDS = (
    "p0.1 (every pair is connected with that probability), k20 (every neuron takes from 20), d3 or d1..20 (every "
    "connection takes 3 steps, or a number drawn from 1 to 20), dcls20 (learned delays of up to 20 steps; options as "
    "in dcls20:width=5,narrowing=0.99), a release such as tsodyks-markram:u=0.5,tau_rec=0.8,tau_fac=0"
)

_PROBABILITY = re.compile(r"p(?P<p>0?\.\d+|1(?:\.0*)?|\d+e-\d+)", re.ASCII)
_DEGREE = re.compile(r"k(?P<k>\d{1,9})", re.ASCII)
_DELAY = re.compile(r"d(?P<low>\d{1,6})(?:\.\.(?P<high>\d{1,6}))?", re.ASCII)
_LEARNED = re.compile(r"dcls(?P<n>\d{1,6})(?P<options>:.+)?", re.ASCII)


@dataclass(frozen=True)
class Connections:
    """Connections of one edge; all None: every pair, at once, spikes as they are.

    Args:
        probability, in_degree: that of ``SparseLinear``.
        delays: lowest and highest delay of single connections, steps.
        learned: text of a ``DelayedLinear``: the longest delay, and options.
        release: text of a release.
        others: whether neurons take from others alone.
    """

    probability: float | None = None
    in_degree: int | None = None
    delays: tuple[int, int] | None = None
    learned: str | None = None
    release: str | None = None
    others: bool = False

    @property
    def listed(self) -> bool:
        """True if connections are listed, or their delays learned: for dense layers alone."""
        return any(part is not None for part in (self.probability, self.in_degree, self.delays, self.learned))

    @property
    def late(self) -> bool:
        """True if single connections have delays."""
        return self.learned is not None or (self.delays is not None and self.delays[1] > 0)


#: What a string says of an edge by saying nothing.
EVERY = Connections()


def is_word(word: str) -> bool:
    """Tell whether a word says something of connections."""
    forms = (_PROBABILITY, _DEGREE, _DELAY, _LEARNED)
    return any(form.fullmatch(word) for form in forms) or name_in(word) in RELEASES


def with_words(connections: Connections, words: list[str], fail: Callable[[str], None]) -> Connections:
    """``connections`` with what ``words`` say; ``fail`` is called with the reason where they cannot be."""
    for word in words:
        said = _said(word, fail)
        if any(getattr(connections, name) not in (None, False) for name in said):
            fail(f"{word!r} says again what was said before")
        connections = replace(connections, **said)
    if connections.probability is not None and connections.in_degree is not None:
        fail("p and k both say which neurons are connected: write one of them")
    if connections.learned is not None and any(
        part is not None for part in (connections.delays, connections.probability, connections.in_degree)
    ):
        fail("learned delays are those of all pairs: write dcls alone, without p, k and d")
    return connections


def _said(word: str, fail: Callable[[str], None]) -> dict[str, Any]:
    """{field of ``Connections``: its value} of one word."""
    if word == "x":
        return {"others": True}
    if match := _PROBABILITY.fullmatch(word):
        return {"probability": float(match["p"])}
    if match := _DEGREE.fullmatch(word):
        return {"in_degree": int(match["k"])}
    if match := _LEARNED.fullmatch(word):
        if int(match["n"]) == 0:
            fail("learned delays need a longest one of at least 1 step")
        return {"learned": word}
    if match := _DELAY.fullmatch(word):
        low, high = int(match["low"]), int(match["high"] or match["low"])
        if low > high:
            fail("delays are drawn from the lower to the higher number, as in d1..20")
        return {"delays": (low, high)}
    if name_in(word) not in RELEASES:
        fail(f"expected {WORDS}")
    return {"release": word}


def synapse_of(
    sent: int, size: int, connections: Connections, *, bias: bool, generator: torch.Generator | None
) -> nn.Module:
    """The synapse of listed connections, or of learned delays, from ``sent`` to ``size`` neurons.

    Raises:
        ValueError: more connections than there are neurons, options that it does not have.
    """
    if connections.learned is not None:
        match = _LEARNED.fullmatch(connections.learned)
        assert match is not None
        text = f"dcls{match['options'] or ''}"
        options = {name: parse_value(value) for name, value in options_in(text, lambda _: False).items()}
        try:
            return DelayedLinear(sent, size, int(match["n"]), bias=bias, generator=generator, **options)
        except TypeError as error:
            raise ValueError(
                f"{connections.learned!r} has an option that learned delays do not have, expected interpolation, "
                f"width, least_width or narrowing ({error})"
            ) from error
    delays, others = connections.delays, connections.others
    if connections.in_degree is not None:
        return SparseLinear.fixed_in_degree(
            sent, size, connections.in_degree, others=others, delays=delays, bias=bias, generator=generator
        )
    probability = 1.0 if connections.probability is None else connections.probability
    return SparseLinear.fixed_probability(
        sent, size, probability, others=others, delays=delays, bias=bias, generator=generator
    )


def release_of(connections: Connections, dt: float) -> Release | None:
    """The release of an edge to neurons with steps of ``dt`` seconds."""
    if connections.release is None:
        return None
    written = options_in(connections.release, lambda _: False)
    return RELEASES.make(connections.release, {} if "dt" in written else {"dt": dt})
