"""The settings of a run: plain values, checked, that name everything it is made of."""

import inspect
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Annotated, Any, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError

from spikelearn.datasets import Dataset, Split
from spikelearn.datasets.names import checksums_of, full_name, kind_of, stamp_of
from spikelearn.datasets.root import data_root, written_out
from spikelearn.hardware import HARDWARE, Hardware
from spikelearn.imports import checksums
from spikelearn.loading import AUGMENTATIONS, ENCODERS, NOISES, Augmentation, Encoder, Noise, encoder_from
from spikelearn.network import INITIALISERS, READOUTS, InputNorm, Network, build
from spikelearn.neurons import NEURONS, neuron_factory
from spikelearn.plasticity import RULES, OptimizerChoice, Rule
from spikelearn.recordings import Binning
from spikelearn.runs.groups import Group, Setting, about, in_groups
from spikelearn.runs.networks import finished
from spikelearn.runs.nir_networks import is_nir, network_from, said_of_a_string, settled
from spikelearn.runs.opened import Options, check_pruning, opened
from spikelearn.seeding import generator_for
from spikelearn.sparsity import PRUNINGS, Pruning
from spikelearn.tasks import CLASSIFY, TASKS, Task
from spikelearn.training.constraints import Constraint, IncomingLength, IncomingNorm
from spikelearn.training.optimizers import OPTIMIZERS, choose_optimizer
from spikelearn.training.parts import bounds_of, make_bounds
from spikelearn.training.schedules import SCHEDULES


class Settings(BaseModel):
    """All that a run depends on, apart from its data.

    Every field is a flag of ``spikelearn train`` and a key of a TOML file.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    net: Annotated[str, Setting(Group.NETWORK, fixed=True)] = Field(
        "64-100-10",
        description="Architecture, e.g. 784-400-10 or 15C5-P2-40C5-P2-300-10, or a file: nir:FILE[,mend=NAME].",
    )
    rule: Annotated[str, Setting(Group.RULE, fixed=True)] = Field(
        "bptt", description="Learning rule; see: spikelearn rules."
    )
    rule_option: Annotated[Options, Setting(Group.RULE)] = Field(
        {}, description="Option of the rule, e.g. adjoint=triangle; repeat for more."
    )
    neuron: Annotated[str, Setting(Group.NETWORK)] = Field("lif", description="Neuron model; see: spikelearn neurons.")
    neuron_option: Annotated[Options, Setting(Group.NETWORK)] = Field(
        {}, description="Option of the neuron, e.g. decay=0.95."
    )
    output: Annotated[str | None, Setting(Group.NETWORK)] = Field(
        None, description="Another neuron model for the last block, which is a hidden one where the readout is fitted."
    )
    output_option: Annotated[Options, Setting(Group.NETWORK)] = Field(
        {}, description="Option of the last block's neuron."
    )
    readout: Annotated[str | None, Setting(Group.NETWORK, names=READOUTS)] = Field(
        None, description="Predict from: {names}; default: rate, or membrane where the last block does not fire."
    )
    bias: Annotated[bool, Setting(Group.NETWORK)] = Field(True, description="Whether synapses have a bias.")
    delay: Annotated[int, Field(strict=True, ge=0, le=1000), Setting(Group.NETWORK)] = Field(
        0, description="Steps that spikes take from block to block."
    )
    batch_norm: Annotated[bool, Setting(Group.NETWORK)] = Field(
        False, description="Batch norm behind the weights of every block."
    )
    output_norm: Annotated[bool, Setting(Group.NETWORK)] = Field(
        True, description="Batch norm, where it is set, behind the weights of the last block too."
    )
    weight_standardisation: Annotated[bool, Setting(Group.NETWORK)] = Field(
        False, description="Standardise the weights into hidden layers; into one alone: (ws) behind it in the net."
    )
    input_norm: Annotated[InputNorm | None, Setting(Group.NETWORK)] = Field(
        None, description="A norm without weights in front of those of blocks: " + ", ".join(get_args(InputNorm)) + "."
    )
    spectral_feedback: Annotated[bool, Setting(Group.NETWORK)] = Field(
        False, description="Bound the feedback's spectral norm."
    )
    init: Annotated[str, Setting(Group.NETWORK, names=INITIALISERS)] = Field(
        "uniform", description="How weights are drawn: {names}."
    )
    init_option: Annotated[Options, Setting(Group.NETWORK)] = Field({}, description="Option of the initialiser.")
    weights: Annotated[str | None, Setting(Group.PROTOCOL, metavar="RUN")] = Field(
        None, description="Begin with the weights of a run or a safetensors file."
    )
    freeze: Annotated[tuple[str, ...], Setting(Group.LEARNING, metavar="BLOCK", fixed=True)] = Field(
        (), description="Block, or edge as feedforward.fc1_to_fc3, that keeps its weights; repeat for more."
    )
    data: Annotated[str, Setting(Group.DATA)] = Field(
        "digits", description="Data set, or files of your own (idx:FOLDER, file:PATH.npz); see: spikelearn datasets."
    )
    data_root: Annotated[str | None, Setting(Group.PLACE)] = Field(None, description="Folder of the data sets.")
    data_option: Annotated[Options, Setting(Group.DATA)] = Field(
        {}, description="Option of the data set, e.g. stabilised=true."
    )
    task: Annotated[str | None, Setting(Group.DATA, names=TASKS)] = Field(
        None, description="What is asked: {names}; default: the data set's."
    )
    data_fraction: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False), Setting(Group.PROTOCOL)] = Field(
        1.0, description="Share of the training samples to use, of every class alike."
    )
    noise: Annotated[str | None, Setting(Group.DATA, names=NOISES)] = Field(
        None, description="Noise on all samples: {names}, e.g. deletion:share=0.1."
    )
    encoder: Annotated[str | None, Setting(Group.NETWORK, names=ENCODERS)] = Field(
        None,
        description="Encoder of still images: {names}, side by side as latency+rate, behind one another as "
        "gamma/latency; default: direct.",
    )
    encoder_option: Annotated[Options, Setting(Group.NETWORK)] = Field({}, description="Option of the encoder.")
    binning: Annotated[str | None, Setting(Group.DATA)] = Field(
        None, description="How recordings become steps, e.g. width=0.003,overlap=0.5,counts=true,down=2."
    )
    augment: Annotated[str | None, Setting(Group.PROTOCOL, names=AUGMENTATIONS)] = Field(
        None, description="Changes of recordings in training: {names}, e.g. shift:pixels=2+drop:share=0.1."
    )
    folds: Annotated[Annotated[int, Field(strict=True, ge=2, le=1000)] | None, Setting(Group.PROTOCOL)] = Field(
        None, description="Test on one of so many parts of all samples, that of the seed, and train on the others."
    )
    steps: Annotated[int, Field(strict=True, ge=1, le=1_000_000), Setting(Group.NETWORK)] = Field(
        25, description="Time steps T."
    )
    epochs: Annotated[int, Field(strict=True, ge=1, le=1_000_000_000), Setting(Group.PROTOCOL)] = Field(
        5, description="Epochs."
    )
    batch: Annotated[int, Field(strict=True, ge=1, le=1_000_000_000), Setting(Group.LEARNING)] = Field(
        64, description="Samples per batch."
    )
    validation: Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False), Setting(Group.PROTOCOL)] = Field(
        0.1, description="Share of the training samples held out."
    )
    test_curve: Annotated[bool, Setting(Group.PROTOCOL)] = Field(
        False, description="Measure the test samples after every epoch, for a curve; nothing is chosen by it."
    )
    patience: Annotated[Annotated[int, Field(strict=True, ge=1)] | None, Setting(Group.PROTOCOL)] = Field(
        None, description="Stop after so many epochs without a better validation accuracy."
    )
    optimizer: Annotated[str | None, Setting(Group.STEP, names=OPTIMIZERS)] = Field(
        None, description="Optimizer: {names}; default: the rule's."
    )
    optimizer_option: Annotated[Options, Setting(Group.STEP)] = Field({}, description="Option of the optimizer.")
    lr: Annotated[Annotated[float, Field(gt=0, le=1e30, allow_inf_nan=False)] | None, Setting(Group.STEP)] = Field(
        None, description="Learning rate; default: the rule's."
    )
    schedule: Annotated[str | None, Setting(Group.STEP, names=SCHEDULES)] = Field(
        None, description="Run of the learning rate: {names}; default: the rule's."
    )
    clip_norm: Annotated[Annotated[float, Field(gt=0)] | None, Setting(Group.STEP)] = Field(
        None, description="Largest norm of all gradients; default: the rule's; inf: none."
    )
    bounds: Annotated[tuple[float, float] | None, Setting(Group.STEP, metavar="LOW HIGH")] = Field(
        None, description="Lowest and highest weight; default: the rule's."
    )
    incoming_norm: Annotated[Annotated[float, Field(gt=0)] | None, Setting(Group.LEARNING)] = Field(
        None, description="Sum of the absolute weights of every neuron."
    )
    incoming_length: Annotated[Annotated[float, Field(gt=0)] | None, Setting(Group.LEARNING)] = Field(
        None, description="Euclidean length of the weights of every neuron."
    )
    prune: Annotated[str | None, Setting(Group.LEARNING, names=PRUNINGS)] = Field(
        None, description="Prune while training: {names}, e.g. global:sparsity=0.9,gradual=true."
    )
    hardware: Annotated[str | None, Setting(Group.LEARNING, names=HARDWARE)] = Field(
        None, description="What holds the weights: {names}, e.g. device:nl_ltp=1.75,c2c=0.003."
    )
    seed: Annotated[int, Field(strict=True, ge=0, lt=2**63), Setting(Group.PROTOCOL)] = Field(
        0, description="Seed of everything random."
    )
    device: Annotated[str, Setting(Group.PLACE)] = Field("cpu", description="cpu, cuda or cuda:N.")
    threads: Annotated[Annotated[int, Field(strict=True, ge=1, le=1024)] | None, Setting(Group.PLACE, shared=True)] = (
        Field(None, description="Threads; default: OMP_NUM_THREADS, else one for every core.")
    )
    imports: Annotated[tuple[str, ...], Setting(Group.PLACE, metavar="FILE")] = Field(
        (), description="Python file (or module) that registers components of your own; in files: import."
    )

    @model_validator(mode="before")
    @classmethod
    def _options_stand_by_themselves(cls, values: Any) -> Any:
        """What files hold is part of the settings."""
        if not isinstance(values, dict):
            return values
        for name, registry in (("rule", RULES), ("neuron", NEURONS), ("output", NEURONS)):
            kind, option = values.get(name), f"{name}_option"
            if isinstance(kind, str) and kind in registry and isinstance(options := values.get(option), dict):
                values = {**values, option: dict(registry.get(kind).resolved(options))}
        return values

    @field_validator("data_root")
    @classmethod
    def _absolute(cls, value: str | None) -> str | None:
        """A run is looked at from other folders too."""
        return None if value is None else str(written_out(value, "the data root that was given").resolve())

    @field_validator("data")
    @classmethod
    def _known(cls, value: str) -> str:
        return full_name(value)

    @field_validator("net")
    @classmethod
    def _settled_net(cls, value: str) -> str:
        return settled(value)

    @field_validator("weights")
    @classmethod
    def _absolute_weights(cls, value: str | None) -> str | None:
        return None if value is None else str(Path(value).resolve())

    @field_validator("readout")
    @classmethod
    def _is_readout(cls, value: str | None) -> str | None:
        if value is not None:
            READOUTS.get(value)
        return value

    @field_validator("noise", "hardware", "prune", "schedule", "augment")
    @classmethod
    def _can_be_made(cls, value: str | None, info: ValidationInfo) -> str | None:
        """A wrong name or option is said before anything is trained."""
        if value:
            registry = about(cls.model_fields[info.field_name or ""]).names
            assert registry is not None
            registry.make_several(value) if info.field_name == "augment" else registry.make(value)
        return value

    @field_validator("binning")
    @classmethod
    def _is_binning(cls, value: str | None) -> str | None:
        """One value has one text, so that equal runs are known as such."""
        return None if value is None else str(Binning.make(value)) or None

    @field_validator("task")
    @classmethod
    def _is_task(cls, value: str | None) -> str | None:
        return None if value is None else str(TASKS.make(value))

    @model_validator(mode="after")
    def _network_is_said_once(self) -> Self:
        if said := said_of_a_string(self.net, self):
            raise PydanticCustomError("net", f"a NIR file says its neurons: leave out {', '.join(said)}")
        if self.output_option and self.output is None:
            raise PydanticCustomError("output_option", "it needs another neuron for the last block: name one as output")
        return self

    @model_validator(mode="after")
    def _patience_needs_validation(self) -> Self:
        if self.patience is not None and self.validation == 0:
            raise PydanticCustomError("patience", "it needs validation samples: set validation above 0, or drop it")
        return self

    def result_depends_on(self) -> dict[str, Any]:
        """The settings on which a run's result depends, as plain values: neither the places of files nor the device."""
        values = recorded(self)
        own = checksums_of(self.data)
        values |= {"data_files": own} if own else {}
        return {**values, "imports": checksums(self.imports)} if self.imports else values

    def make_network(self) -> Network:
        """The network for the samples of the data set, as it is drawn from the seed; raises as ``network_of``."""
        return self.network_of(self.sample_shape())

    def network_of(self, input_shape: Sequence[int] | None) -> Network:
        """The network for samples of a shape, as it is drawn from the seed.

        Raises:
            ValueError: a wrong string, neuron or option.
        """
        if is_nir(self.net):
            network = network_from(self.net, input_shape, self.readout)
            return finished(network, self.make_task(), self.readout, self.freeze)
        network = build(
            self.net,
            neuron_factory(self.neuron, self.neuron_option),
            input_shape=input_shape,
            output=neuron_factory(self.output, self.output_option) if self.output else None,
            readout=self.readout,
            bias=self.bias,
            delay=self.delay,
            batch_norm=self.batch_norm,
            output_norm=self.output_norm,
            weight_standardisation=self.weight_standardisation,
            input_norm=self.input_norm,
            spectral_feedback=self.spectral_feedback,
            init=INITIALISERS.build(self.init, self.init_option),
            generator=generator_for(self.seed, "weights"),
        )
        return finished(network, self.make_task(), self.readout, self.freeze)

    def make_rule(self) -> Rule:
        """The rule, with the task's loss where it takes one and none is named.

        Of a rule made of parts each has the choices of these settings where it makes none of its own.

        Raises:
            ValueError: an unknown rule or option.
        """
        options, task, kind = dict(self.rule_option), self.make_task(), RULES.get(self.rule)
        # A rule that cannot learn the task says so by itself, and better than by its loss.
        learnable = kind.takes is None or task.name in kind.takes
        if task != CLASSIFY and learnable and "loss" in inspect.signature(kind).parameters:
            options.setdefault("loss", task.loss)
        rule = RULES.build(self.rule, options)
        choices = {name: getattr(self, name) for name in OF_A_RULE}
        if rule.parts:
            rule.parts = {name: part.filled(choices) for name, part in rule.parts.items()}
        return rule

    def make_task(self) -> Task:
        """The task that is named, or the data set's own; files of one's own are read for it."""
        if self.task is not None:
            return TASKS.make(self.task)
        kind = kind_of(self.data)
        return kind.task if hasattr(kind, "shape") else self.make_dataset("train").task

    def make_dataset(self, split: Split) -> Dataset:
        """One split of the data set; raises ValueError where it is not there, or has no such option."""
        root = None if kind_of(self.data).bundled else data_root(self.data_root).resolve()
        there = str(root) if root is not None and root.is_dir() else None
        options = dict(self.data_option)
        if self.task is not None and "task" in inspect.signature(kind_of(self.data)).parameters:
            options.setdefault("task", self.task)
        fold = None if self.folds is None else (self.folds, self.seed % self.folds)
        of = (tuple(options.items()), self.binning, fold)
        return opened(self.data, split, there, *of, stamp_of(self.data))

    def sample_shape(self) -> tuple[int, ...]:
        """Shape of one still sample, as its encoder gives it, or one time step; files of one's own are read for it."""
        known = None if self.binning else getattr(kind_of(self.data), "shape", None)
        known = known or self.make_dataset("train").shape
        encoder = self.make_encoder()
        return known if encoder is None else encoder.shape_of(known)

    def takes_encoder(self) -> bool:
        """Tell whether samples are still; files of one's own are read for it."""
        kind = kind_of(self.data)
        return kind.still if hasattr(kind, "still") else self.make_dataset("train").still

    def make_encoder(self) -> Encoder | None:
        """The encoder, or None where none was named; raises ValueError for recordings of events."""
        if self.encoder is None:
            if self.encoder_option:
                raise ValueError("encoder_option is given without an encoder: name one with --encoder")
            return None
        return encoder_from(self.encoder, self.encoder_option)

    def make_augment(self) -> list[Augmentation]:
        """The changes of recordings in training; raises ValueError on an unknown one or an option."""
        return AUGMENTATIONS.make_several(self.augment) if self.augment else []

    def make_noise(self) -> Noise | None:
        """The noise on all samples, or None; raises ValueError on an unknown noise or option."""
        return NOISES.make(self.noise) if self.noise else None

    def make_hardware(self) -> Hardware | None:
        """The hardware that holds the weights, or None for exact ones; ValueError on an unknown one or an option."""
        return HARDWARE.make(self.hardware) if self.hardware else None

    def make_pruning(self) -> Pruning | None:
        """The pruning, or None.

        Raises:
            ValueError: an unknown pruning or option; bounds without 0; an early stop, which could end with weights from
                before the last of the pruning.
        """
        if not self.prune:
            return None
        pruning = PRUNINGS.make(self.prune)
        rule = self.make_rule()
        bounds = [*map(bounds_of, rule.parts.values())] or [self.bounds or rule.default_bounds]
        check_pruning(pruning, [one for one in bounds if one], self.patience)
        return pruning

    def optimizer_choice(self) -> OptimizerChoice:
        """The optimizer: the rule's default where nothing else is said."""
        return choose_optimizer(self.make_rule(), self.optimizer, self.lr, self.optimizer_option)

    def make_constraints(self, rule: Rule, network: Network) -> tuple[Constraint, ...]:
        """The constraints that must hold after every step of ``rule`` on ``network``."""
        bounds = make_bounds(rule, network, self.bounds)
        norms = (IncomingNorm(self.incoming_norm),) if self.incoming_norm else ()
        return (*bounds, *norms, IncomingLength(self.incoming_length)) if self.incoming_length else (*bounds, *norms)

    def schedule_name(self) -> str:
        """The schedule of the learning rate: the one named, else the rule's default."""
        return self.schedule or RULES.get(self.rule).default_schedule


#: Settings that a rule declares itself. A recipe says them for its own rule alone.
OF_A_RULE = in_groups(Settings.model_fields, Group.STEP)

#: Settings without which weights mean nothing: under others the same numbers are another network.
MEANING = tuple(name for name, field in Settings.model_fields.items() if about(field).decides_weights)

#: Settings that are recorded where they are given alone: without them a run is what it was before there were any.
_WHERE_GIVEN = ("task", "binning", "augment", "folds")

#: Settings on which no result depends. A run that is gone on with keeps its number of threads.
ELSEWHERE = in_groups(Settings.model_fields, Group.PLACE)


def recorded(settings: Settings, names: Collection[str] | None = None) -> dict[str, Any]:
    """Settings as plain values: all that a result depends on, or those of ``names``; some only where they are given."""
    kept = set(names or Settings.model_fields) - set(ELSEWHERE)
    left_out = {name for name in _WHERE_GIVEN if getattr(settings, name) is None}
    return settings.model_dump(mode="json", include=kept, exclude=left_out)
