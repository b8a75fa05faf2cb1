"""The settings of a run: plain values, checked, that name everything it is made of."""

import functools
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import ErrorDetails, PydanticCustomError

from spikelearn.checks import check_choice, one_of
from spikelearn.datasets import DATASETS, ENCODERS, Dataset, Encoder, Noise, Split, noise_from
from spikelearn.datasets.root import data_root, written_out
from spikelearn.files import write_atomically
from spikelearn.hardware import Hardware, Pruning, hardware_from, pruning_from
from spikelearn.network import (
    INITIALISERS,
    MembraneReadout,
    Network,
    RateReadout,
    Readout,
    TraceReadout,
    build,
    neuron_factory,
)
from spikelearn.neurons import CubaLIF
from spikelearn.plasticity import RULES, OptimizerChoice, Rule, rule_from
from spikelearn.seeding import generator_for
from spikelearn.training.constraints import Bounds, Constraint, IncomingNorm
from spikelearn.training.optimizers import OPTIMIZERS, Schedule

Value = bool | int | float | str

#: Learning rates of optimizers whose steps do not follow the size of the gradient.
USUAL_LR = {"adam": 1e-3, "adamw": 1e-3, "rms": 1e-3}

#: Settings that name a component with its options, and what reads them.
MADE_FROM: Mapping[str, Callable[[str], Any]] = {
    "noise": noise_from,
    "hardware": hardware_from,
    "prune": pruning_from,
}

#: Words of a user for those of the checks.
WORDS = {"tuple": "list", "dictionary": "table", "string": "text in quotes", "boolean": "true or false"}

READOUTS: Mapping[str | None, Callable[[Network], Readout]] = {
    "rate": lambda _: RateReadout(),
    "membrane": lambda _: MembraneReadout(),
    "trace": lambda network: _trace_readout(network),
}


class Settings(BaseModel):
    """All that a run depends on, apart from its data.

    Every field is a flag of ``spikelearn train`` and a key of a TOML file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    net: str = Field("64-100-10", description="architecture string, e.g. 784-400-10 or 15C5-P2-40C5-P2-300-10")
    rule: str = Field("bptt", description="learning rule")
    rule_option: dict[str, Value] = Field({}, description="options of the rule, e.g. adjoint=triangle")
    neuron: str = Field("lif", description="neuron model")
    neuron_option: dict[str, Value] = Field({}, description="options of the neuron, e.g. decay=0.95")
    output: str | None = Field(None, description="another neuron model for the last block")
    output_option: dict[str, Value] = Field({}, description="options of the last block's neuron")
    readout: Literal["rate", "membrane", "trace", "linear"] | None = Field(
        None,
        description="what predictions are read from; default rate, or membrane where the last block does not fire; "
        "trace: filtered spikes; linear: the last number of the network string is a linear layer on rates",
    )
    bias: bool = Field(True, description="whether synapses have a bias")
    delay: Annotated[int, Field(strict=True, ge=0, le=1000)] = Field(0, description="steps from block to block")
    batch_norm: bool = Field(False, description="a batch norm behind the weights of every block")
    spectral_feedback: bool = Field(False, description="feedback weights of bounded spectral norm")
    init: str = Field("uniform", description="how weights are drawn")
    init_option: dict[str, Value] = Field({}, description="options of the initialiser")
    weights: str | None = Field(None, description="run, or safetensors file, whose weights training begins with")
    freeze: tuple[str, ...] = Field((), description="blocks whose weights stay as they were drawn")
    data: str = Field("digits", description="data set")
    data_root: str | None = Field(None, description="folder of the data sets")
    data_option: dict[str, Value] = Field({}, description="options of the data set, e.g. stabilised=true")
    data_fraction: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = Field(
        1.0, description="share of the training samples that is there at all, of every class alike"
    )
    noise: str | None = Field(None, description="noise on all samples, e.g. gaussian:sd=0.3 or deletion:share=0.1")
    encoder: str | None = Field(None, description="encoder of still images; default direct")
    encoder_option: dict[str, Value] = Field({}, description="options of the encoder")
    steps: Annotated[int, Field(strict=True, ge=1, le=1_000_000, description="time steps T")] = 25
    epochs: Annotated[int, Field(strict=True, ge=1, le=1_000_000_000, description="epochs")] = 5
    batch: Annotated[int, Field(strict=True, ge=1, le=1_000_000_000, description="samples per batch")] = 64
    validation: Annotated[
        float, Field(ge=0, lt=1, allow_inf_nan=False, description="share of training samples held out")
    ] = 0.1
    test_curve: bool = Field(False, description="measure the test samples after every epoch; nothing is chosen by them")
    patience: Annotated[int, Field(strict=True, ge=1)] | None = Field(
        None, description="early stop after so many epochs"
    )
    optimizer: str | None = Field(None, description="adam, adamw, sgd, rms or integer-sgd; default: the rule's")
    optimizer_option: dict[str, Value] = Field({}, description="options of the optimizer")
    lr: Annotated[float, Field(gt=0, le=1e30, allow_inf_nan=False)] | None = Field(
        None, description="learning rate; default: the rule's"
    )
    schedule: Schedule | None = Field(None, description="run of the learning rate; default: the rule's")
    clip_norm: Annotated[float, Field(gt=0)] | None = Field(
        None, description="largest norm of all gradients together; default: the rule's; inf: no clipping"
    )
    bounds: tuple[float, float] | None = Field(None, description="lowest and highest weight; default: the rule's")
    incoming_norm: Annotated[float, Field(gt=0)] | None = Field(None, description="sum of a neuron's absolute weights")
    prune: str | None = Field(
        None, description="pruning while training, e.g. global:sparsity=0.9,minimum=0.0005,gradual=true"
    )
    hardware: str | None = Field(None, description="what holds the weights, e.g. device:nl_ltp=1.75,c2c=0.003")
    seed: Annotated[int, Field(strict=True, ge=0, lt=2**63, description="seed of everything random")] = 0
    device: str = Field("cpu", description="cpu, cuda or cuda:N")

    @field_validator("data_root")
    @classmethod
    def _absolute(cls, value: str | None) -> str | None:
        """A run is looked at from other folders too."""
        return None if value is None else str(written_out(value, "the data root that was given").resolve())

    @field_validator("weights")
    @classmethod
    def _absolute_weights(cls, value: str | None) -> str | None:
        return None if value is None else str(Path(value).resolve())

    @field_validator("noise", "hardware", "prune")
    @classmethod
    def _can_be_made(cls, value: str | None, info: ValidationInfo) -> str | None:
        """A wrong name or option is said before anything is trained."""
        if value:
            MADE_FROM[info.field_name or ""](value)
        return value

    @model_validator(mode="after")
    def _output_option_needs_output(self) -> Self:
        if self.output_option and self.output is None:
            raise PydanticCustomError("output_option", "it needs another neuron for the last block: name one as output")
        return self

    @model_validator(mode="after")
    def _patience_needs_validation(self) -> Self:
        if self.patience is not None and self.validation == 0:
            raise PydanticCustomError("patience", "it needs validation samples: set validation above 0, or drop it")
        return self

    def make_network(self) -> Network:
        """The network as it is drawn from the seed.

        Raises:
            ValueError: a wrong string, neuron or option.
        """
        network = build(
            self.net,
            neuron_factory(self.neuron, self.neuron_option),
            input_shape=DATASETS.get(self.data).shape,
            output=neuron_factory(self.output, self.output_option) if self.output else None,
            readout="linear" if self.readout == "linear" else None,
            bias=self.bias,
            delay=self.delay,
            batch_norm=self.batch_norm,
            spectral_feedback=self.spectral_feedback,
            init=INITIALISERS.build(self.init, self.init_option),
            generator=generator_for(self.seed, "weights"),
        )
        if self.readout in READOUTS:
            network.readout = READOUTS[self.readout](network)
        for name in self.freeze:
            if name not in network.blocks:
                raise ValueError(f"freeze names block {name!r}, expected {one_of(name, list(network.blocks))}")
            # In evaluation mode, so that a norm's running statistics stay as well.
            network.blocks[name].requires_grad_(False).eval()
        return network

    def make_rule(self) -> Rule:
        """The rule; raises ValueError on an unknown rule or option."""
        return rule_from(self.rule, self.rule_option)

    def make_dataset(self, split: Split) -> Dataset:
        """One split of the data set; raises ValueError where it is not there, or has no such option."""
        for name in ("split", "root"):
            if name in self.data_option:
                raise ValueError(f"data set {self.data!r} has no option {name!r}: drop it; a root is --data-root")
        root = None if DATASETS.get(self.data).bundled else data_root(self.data_root).resolve()
        there = str(root) if root is not None and root.is_dir() else None
        return _kept(self.data, split, there, tuple(self.data_option.items()))

    def make_encoder(self) -> Encoder | None:
        """The encoder, or None where none was named; raises ValueError for recordings of events."""
        if self.encoder is None:
            if self.encoder_option:
                raise ValueError("encoder_option is given without an encoder: name one with --encoder")
            return None
        encoder: Encoder = ENCODERS.build(self.encoder, self.encoder_option)
        return encoder

    def make_noise(self) -> Noise | None:
        """The noise on all samples, or None; raises ValueError on an unknown noise or option."""
        return noise_from(self.noise) if self.noise else None

    def make_hardware(self) -> Hardware | None:
        """What holds the weights, or None for exact ones; raises ValueError on unknown hardware or an option."""
        return hardware_from(self.hardware) if self.hardware else None

    def make_pruning(self) -> Pruning | None:
        """The pruning, or None.

        Raises:
            ValueError: an unknown pruning or option; bounds without 0; an early stop, which could end with weights from
                before the last of the pruning.
        """
        if not self.prune:
            return None
        pruning = pruning_from(self.prune)
        low, high = self.bounds or RULES.get(self.rule).default_bounds or (0.0, 0.0)
        if not low <= 0 <= high:
            raise ValueError(f"bounds go from {low:g} to {high:g}, where no weight can be pruned to 0: include 0")
        if self.patience is not None and (pruning.gradual or pruning.start > 0):
            raise ValueError(
                f"patience is {self.patience} and weights are pruned while training: the best epoch may lie before the "
                "last of the pruning; drop patience, or prune at the start (gradual=false,start=0)"
            )
        return pruning

    def optimizer_choice(self) -> OptimizerChoice:
        """The optimizer: the rule's default where nothing else is said."""
        default = RULES.get(self.rule).default_optimizer
        if self.optimizer is None or self.optimizer == default.name:
            return OptimizerChoice(default.name, self.lr or default.lr, {**default.options, **self.optimizer_option})
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        lr = self.lr or USUAL_LR.get(self.optimizer)
        if lr is None:
            raise ValueError(
                f"optimizer {self.optimizer!r} is not the default of {self.rule} ({default}), whose learning rate "
                "means something else under it: name one with --lr"
            )
        return OptimizerChoice(self.optimizer, lr, self.optimizer_option)

    def make_constraints(self) -> tuple[Constraint, ...]:
        """What must hold after every step."""
        limits = self.bounds or RULES.get(self.rule).default_bounds
        bounds = (Bounds(*limits),) if limits else ()
        return (*bounds, IncomingNorm(self.incoming_norm)) if self.incoming_norm else bounds

    def schedule_name(self) -> str:
        """How the learning rate runs: the rule's default where nothing else is said."""
        return self.schedule or RULES.get(self.rule).default_schedule


@functools.lru_cache(maxsize=2)
def _kept(name: str, split: Split, root: str | None, options: tuple[tuple[str, Value], ...]) -> Dataset:
    """A data set, kept because one run after another reads, or even bins, the same samples."""
    dataset: Dataset = DATASETS.build(name, {"split": split, "root": root, **dict(options)})
    return dataset


def _trace_readout(network: Network) -> TraceReadout:
    """A readout of the last block's spikes behind the filter of its own neurons."""
    name, block = list(network.blocks.items())[-1]
    if not isinstance(block.neuron, CubaLIF):
        raise ValueError(
            f"readout 'trace' filters spikes as a synapse does, but the last block {name!r} is a "
            f"{type(block.neuron).__name__} without one: use --neuron cuba-lif"
        )
    return TraceReadout(tau_syn=block.neuron.tau_syn, dt=block.neuron.dt)


def settings_from(values: Mapping[str, Any]) -> Settings:
    """Checked settings.

    Raises:
        ValueError: an unknown key or a wrong value, in one sentence.
    """
    try:
        return Settings(**values)
    except ValidationError as error:
        first = error.errors()[0]
        if isinstance(cause := first.get("ctx", {}).get("error"), ValueError):
            raise cause from error
        name = ".".join(map(str, first["loc"][:2])) or first["type"]
        if first["type"] == "extra_forbidden":
            known = list(Settings.model_fields)
            raise ValueError(f"unknown setting {name!r}, expected {one_of(name, known)}") from error
        given = values.get(name) if first["loc"] == () else first["input"]
        raise ValueError(f"{name} is {given!r}: {expected_by(first)}") from error


def expected_by(found: ErrorDetails) -> str:
    """What a check expected, in words of the files that users write."""
    if found["type"] == "too_short":
        return "at least one is needed"
    words = found["msg"]
    for theirs, ours in WORDS.items():
        words = words.replace(f"a valid {theirs}", ours if theirs == "boolean" else f"a {ours}")
    return words[:1].lower() + words[1:]


def read_settings(path: Path) -> dict[str, Any]:
    """The values of a TOML file, hyphens in keys read as underscores.

    Raises:
        ValueError: no such file, no TOML.
    """
    if not path.is_file():
        raise ValueError(f"{path} does not exist: name a settings file in TOML")
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path} is no TOML file: {error}") from error
    return {key.replace("-", "_"): value for key, value in values.items()}


def write_settings(path: Path, settings: Settings) -> None:
    """Write all values, defaults included, as TOML."""
    values = settings.model_dump(exclude_none=True)
    write_atomically(path, tomli_w.dumps(values).encode())
