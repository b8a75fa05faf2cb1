"""The index of a comparison: what its folder is, and which trial stands where."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from spikelearn.bench.plan.nets import deepened
from spikelearn.bench.run.trial_folder import FORMAT
from spikelearn.documents import check_seal, modelled, object_from, read_sealed, sealed, write_json

#: Name of the file.
INDEX = "index.json"


class Place(BaseModel):
    """A place of the plan: an arm, a data set, a network, at a value of an axis, a seed; and the trial that is there.

    Args:
        net: the network that the arms share there.
        base: the one that they share at the base point, from which ``net`` was deepened; "": not written down, as by
            earlier versions.
    """

    model_config = ConfigDict(strict=True, frozen=True)

    arm: str
    data: str
    net: str
    base: str = ""
    axis: str | None
    value: Any
    seed: int
    trial: Annotated[str, Field(pattern=r"^[^/\\]*[^/\\.][^/\\]*$")]  # a folder beside the others


class LeftOut(BaseModel):
    """An arm that was not run."""

    model_config = ConfigDict(strict=True, frozen=True)

    arm: str
    reason: str = "no reason was written down"


class Index(BaseModel):
    """What index.json holds.

    Args:
        command: what made the comparison.
        reference: the arm that others are compared with.
        points: places of the plan.
        after: {a name: what is done to trained networks before a test}.
        arms: {arm: its rule and the settings that are its own}.
        left_out: arms that were not run.
        notes: {arm: what was not checked of it}.
        ordinary: records of the ordinary networks, below the comparison's folder.
        engine, threads: what ran the trials, and with how many threads each.
        started: when the comparison began.
    """

    model_config = ConfigDict(strict=True, frozen=True)

    format: int = FORMAT
    title: str
    question: str
    reference: str
    command: str
    points: list[Place]
    after: dict[str, list[str]]
    arms: dict[str, dict[str, Any]]
    left_out: list[LeftOut]
    notes: Annotated[dict[str, Any], BeforeValidator(lambda value: value if isinstance(value, dict) else {})] = {}
    ordinary: Annotated[list[Any], BeforeValidator(lambda value: value if isinstance(value, list) else [])] = []
    engine: str = ""
    threads: int | None = None
    started: str | None

    def rule_of(self, arm: str) -> str:
        """The rule by which an arm learns."""
        return str(self.arms.get(arm, {}).get("rule", arm))


def write_index(folder: Path, index: Index) -> None:
    """Write the index of the comparison in ``folder``, whole or not at all."""
    write_json(folder / INDEX, sealed(index.model_dump()))


def read_index(folder: Path) -> Index:
    """The index of the comparison in ``folder``, every place with its base network.

    Raises:
        ValueError: there is none, or a damaged one.
    """
    path = folder / INDEX
    if not path.is_file():
        raise ValueError(f"{path} does not exist, expected the index of a comparison: name the folder given to --out")
    cure = "the command of the comparison writes it anew, and trains nothing again that has ended"
    try:
        content = object_from(path.read_bytes())
        if content.get("format") != FORMAT:
            raise ValueError(f"it has format {content.get('format')!r}, expected {FORMAT}")
        check_seal(content)
        index = modelled(Index, content)
    except ValueError as error:
        raise ValueError(f"{path} is damaged: {error}: {cure}") from error
    nets = list(dict.fromkeys(place.net for place in index.points if place.axis is None))
    places = [place.model_copy(update={"base": place.base or _base(place, nets)}) for place in index.points]
    return index.model_copy(update={"points": places})


def told_before(folder: Path, name: str) -> Any:
    """What the index of an earlier comparison in ``folder`` says under ``name``; None where there is no whole one."""
    return read_sealed(folder / INDEX).get(name) if is_index(folder / INDEX) else None


def is_index(path: Path) -> bool:
    """Whether the file is one that a comparison wrote, and nobody changed."""
    try:
        return bool(read_sealed(path))
    except ValueError:
        return False


def _base(place: Place, nets: Sequence[str]) -> str:
    """The network of ``nets`` from which that of a place was deepened, else its own."""
    values = place.value if isinstance(place.value, dict) else {place.axis: place.value}
    depth = values.get("depth")
    for net in nets if depth is not None else ():
        try:
            if deepened(net, depth) == place.net:
                return net
        except ValueError:
            continue
    return place.net
