"""Published claims: what was said, the comparison that asks it here, and what must be seen for it to hold."""

from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from spikelearn.bench.plan.plan import Plan
from spikelearn.bench.plan.reading import plan_from
from spikelearn.catalogue import CLAIMS

#: {column of the results by which a claim can compare costs: what it counts, of one sample or one step of learning}.
COSTS = {
    "seconds": "seconds of training",
    "rise_bytes": "rise of the process's memory",
    "live_bytes": "bytes of tensors alive at once",
    "saved_bytes": "bytes that autograd saves",
    "forward_dense": "products of a forward pass",
    "learning_dense": "products of learning",
    "signal_dense": "products that carry the learning signal",
    "forward_acs": "accumulates of a forward pass",
    "forward_macs": "multiply-accumulates of a forward pass",
    "learning_acs": "accumulates of learning",
    "learning_macs": "multiply-accumulates of learning",
    "forward_pj": "energy of a forward pass",
    "learning_pj": "energy of learning",
    "in_memory_forward_seconds": "time of a forward pass on compute-in-memory",
    "in_memory_backward_seconds": "time of error, gradient and update on compute-in-memory",
    "in_memory_joules": "energy of a sample on compute-in-memory",
    "writes_total": "writes of weights",
}


class CheckPlace(BaseModel):
    """Where a check looks: a point of an axis, or a test after training; nothing: the base point."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str | None = None
    axis: str | None = None
    value: float | int | str | None = None
    condition: str | None = None


class Check(BaseModel):
    """One thing that must be seen.

    Args:
        kind: "reaches": ``arm`` has ``accuracy`` (percent) on average, less at most ``within`` points; "better":
            ``arm`` is better than ``than`` by its statistics; "not worse": it is not shown to be worse, or,
            with ``within``, is below it by at most so many points on average; "count": at
            least ``count`` of ``arms`` are better than ``than``; "same arm": ``arm`` is not worse at ``at`` than at
            ``against``; "costs": ``arm`` costs at most ``share`` of what ``than`` costs, by the column ``cost`` of the
            results (such as "signal_dense", products of the learning signal, or "saved_bytes"); "aligned": the cosine
            of ``arm``'s changes and BPTT's, the mean of its blocks at the end, is larger at ``at`` than at ``against``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Literal["reaches", "better", "not worse", "count", "same arm", "costs", "aligned"]
    arm: str = ""
    than: str = ""
    arms: tuple[str, ...] = ()
    count: int = 0
    accuracy: float = 0.0
    within: float = 0.0
    cost: str = ""
    share: float = 1.0
    at: CheckPlace = CheckPlace()
    against: CheckPlace = CheckPlace()

    @model_validator(mode="after")
    def _knows_its_cost(self) -> Self:
        if (self.kind == "costs") != (self.cost in COSTS):
            raise ValueError(f'cost is {self.cost!r}, expected one of {", ".join(COSTS)} for kind = "costs", else none')
        return self


class Claim(BaseModel):
    """A published claim and the comparison that asks it.

    Args:
        number: its row in the list of claims.
        statement, source, expected: what was said, by whom, and the figure.
        limits: in which points the comparison here differs from what was published.
        check: what must be seen for it to hold.
        plan: the comparison.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    number: int
    statement: str
    source: str
    expected: str
    limits: str = ""
    check: tuple[Check, ...] = Field(min_length=1)
    plan: Plan


def read_claim(name: str) -> Claim:
    """The claim ``name``.

    Raises:
        ValueError: an unknown name, a file that says no claim.
    """
    values = CLAIMS.read(name)
    try:
        return Claim(name=name, plan=plan_from(values.pop("plan")), **values)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"claim {name}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
