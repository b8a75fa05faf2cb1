"""The interface of every neuron model."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, get_args

import torch
from torch import Tensor, nn

from spikelearn.checks import check_count, check_finite, check_flag, check_positive
from spikelearn.neurons.parts.constants import Constant
from spikelearn.neurons.parts.spike_function import SpikeFunction
from spikelearn.registry import Registry


class SharedConstants(nn.Module):
    """Constants that the neurons of several blocks have in common; as their own ones, nobody writes them in a run."""


class MembraneState(NamedTuple):
    """v: membrane potential after reset, [B, ...], same unit as ``v_threshold``."""

    v: Tensor


class Neuron(nn.Module, ABC):
    """A population of identical neurons: a pure function from (state, current) to (spikes, v, state).

    The state is a value (a ``typing.NamedTuple`` of tensors shaped like the current), never stored here. ``v`` is the
    membrane potential that was compared with the threshold, before the reset. A constant of the model is a number, or
    a buffer that broadcasts to the neurons, [n] or [C, H, W], if ``set_constant`` was given one number a neuron.

    A model of your own calls ``super().__init__()``, sets ``v_threshold`` and ``dt`` in its class or constructor,
    gives ``initial_state`` and ``step``, and lets ``step`` begin with ``self.check_state(state, current)`` and fire
    with the ``spike_function`` that it is handed; one with a membrane begins from ``LeakyNeuron`` or
    ``MembraneNeuron``, which bring options, reset and rate map. ``examples/extend/neuron.py`` is one. A ``Block``
    refuses a model that lacks something.
    """

    #: What ``inspect.signature`` reads: ``**options`` are written out.
    __signature__: inspect.Signature

    #: False for a readout that only integrates, whose spikes are all zero, and for graded neurons.
    fires: bool = True
    #: True where real values are sent in place of spikes, by a differentiable map of the neuron's own.
    graded: bool = False
    #: Names of the currents. With more than one, ``step`` takes {name: [B, ...]}; the first is a synapse's by default.
    currents: tuple[str, ...] = ("soma",)
    #: True where random numbers are drawn: the state then has a field ``stream`` (``neurons.streams``), int64.
    random: bool = False
    #: Channels of current of every neuron: what drives n neurons has n * channels units (or maps), of which channel c
    #: of neuron j is number j * channels + c. With more than one, spikes and v are narrower than the current.
    channels: int = 1
    #: Also fires at v == v_threshold (papers that write >=).
    inclusive: bool = False
    #: Firing threshold, unit of v: where surrogate derivatives are centred, and what is drawn and exported.
    v_threshold: Constant
    #: Time step, seconds: for traces, recordings and export.
    dt: float
    #: Names of the constants of which each neuron has its own.
    per_neuron: tuple[str, ...] = ()
    #: Names of the buffers that one presentation leaves to the next in training, by ``keep``; one number until then.
    kept: tuple[str, ...] = ()

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        made = _written_out(cls, cls.__init__)
        cls.__signature__ = made.replace(parameters=list(made.parameters.values())[1:])
        if isinstance(own := vars(cls).get("per_step"), classmethod):
            function: Any = own.__func__
            function.__signature__ = _written_out(cls, function)

    @classmethod
    def resolved(cls, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """Options that stand by themselves: with what a file holds in place of its name; here as they are."""
        return options

    def share(self, other: "Neuron") -> None:
        """Take over from ``other``, of the same network, what their neurons have in common; here nothing is."""

    def shape_of(self, current: Sequence[int]) -> tuple[int, ...]:
        """The shape of the neurons, [n] or [C, H, W], that a ``current`` of a shape drives, both without the batch.

        Raises:
            ValueError: no whole number of neurons.
        """
        if self.channels == 1:
            return tuple(current)
        units, *places = current
        if units % self.channels:
            raise ValueError(
                f"{type(self).__name__} takes {self.channels} channels of current a neuron, but is driven by {units}: "
                f"give its synapse a multiple of {self.channels} outputs"
            )
        return units // self.channels, *places

    @property
    def sends(self) -> bool:
        """True if anything is sent, spikes or real values."""
        return self.fires or self.graded

    @abstractmethod
    def initial_state(self, current: Tensor) -> Any:
        """State at rest for a current, one of several, of shape [B, ...]."""

    @abstractmethod
    def step(self, state: Any, current: Any, spike_function: SpikeFunction) -> tuple[Tensor, Tensor, Any]:
        """Advance by one step of ``dt``: (spikes z, potential v before reset, next state), each [B, ...].

        The current is [B, ...]; of a model with several ``currents``, {name: [B, ...]} of all of them.
        """

    def keep(self, state: Any) -> None:
        """Write the buffers ``kept`` from the ``state`` behind a presentation; in training mode alone."""

    def threshold_rise(self, state: Any) -> Tensor | None:
        """How far the threshold that the next step meets stands above ``v_threshold``; None: it does not move."""
        return None

    def steady_rate(self, current: Tensor) -> Tensor:
        """Spikes per step under a constant ``current``, differentiable; not every model has one."""
        raise ValueError(
            f"{type(self).__name__} has no rate map for this setting ({self.extra_repr()}): "
            'use LIF or IF with reset="subtract"'
        )

    def set_constant(self, name: str, value: Constant) -> None:
        """Set the attribute ``name`` to a number, or to a buffer in torch's default type, as weights are.

        Raises:
            ValueError: an array that does not broadcast with those of other constants.
        """
        vars(self).pop(name, None)
        self._buffers.pop(name, None)
        others = tuple(known for known in self.per_neuron if known != name)
        if not isinstance(value, Tensor):
            setattr(self, name, value)
            self.per_neuron = others
            return
        for other in others:
            self._check_fits(name, value, other, getattr(self, other).shape)
        self.register_buffer(name, value.to(torch.get_default_dtype()))
        self.per_neuron = (*others, name)

    def check_constants(self, current: Tensor) -> None:
        """Raise ValueError where the constants of single neurons do not fit the current [B, ...]."""
        neurons, kind = current.shape[1:], type(self).__name__
        arrays: dict[str, Tensor] = {name: getattr(self, name) for name in sorted(self.per_neuron)}
        for name, value in arrays.items():
            if not fits(value.shape, neurons):
                alike = [other for other, known in arrays.items() if known.shape == value.shape]
                raise ValueError(
                    f"{', '.join(alike)} of {kind} {'have' if len(alike) > 1 else 'has'} shape {list(value.shape)}, "
                    f"but the neurons are {list(neurons)}: give one number for all, one a neuron, or 1 along the axes "
                    "that share it, such as [C, 1, 1]"
                )
            if value.dtype != current.dtype or value.device != current.device:
                raise ValueError(
                    f"{name} of {kind} is {value.dtype} on {value.device}, but the current is {current.dtype} on "
                    f"{current.device}: move network and input alike, network.to(...)"
                )

    def _load_from_state_dict(self, state_dict: Any, prefix: str, *arguments: Any) -> None:
        """Buffers that are kept take the shape that they were stored with."""
        for name in self.kept:
            stored = state_dict.get(prefix + name)
            if isinstance(stored, Tensor):
                self._buffers[name] = self.get_buffer(name).new_zeros(()).expand(stored.shape).clone()
        super()._load_from_state_dict(state_dict, prefix, *arguments)

    def check_state(self, state: Any, current: Tensor | Mapping[str, Tensor]) -> None:
        """Raise ValueError where state or constants do not fit the current, or one of several currents is missing."""
        if len(self.currents) > 1 or not isinstance(current, Tensor):
            given = ["one tensor"] if isinstance(current, Tensor) else sorted(current)
            if isinstance(current, Tensor) or given != sorted(self.currents):
                raise ValueError(
                    f"{type(self).__name__} is given {', '.join(given)}, expected a current for each of "
                    f"{', '.join(self.currents)}: {{name: [B, ...]}}"
                )
            current = current[self.currents[0]]
        if self.per_neuron:
            self.check_constants(current)
        if not (isinstance(state, tuple) and hasattr(state, "_asdict")):
            raise ValueError(
                f"{type(self).__name__} has a state of type {type(state).__name__}, expected a typing.NamedTuple of "
                "tensors: let initial_state and step return one"
            )
        for name, value in state._asdict().items():
            if value.shape != current.shape:
                raise ValueError(
                    f"{type(self).__name__} state {name} has shape {list(value.shape)}, expected "
                    f"{list(current.shape)}: start a new batch with state=None"
                )

    def _check_fits(self, name: str, value: Tensor, other: str, shape: torch.Size) -> None:
        alike = value.ndim == len(shape)
        if not alike or any(1 not in (a, b) and a != b for a, b in zip(value.shape, shape, strict=True)):
            raise ValueError(
                f"{name} of {type(self).__name__} has shape {list(value.shape)} and {other} {list(shape)}, expected "
                "shapes that broadcast to the neurons', with as many axes: for example [C, H, W] and [C, 1, 1]"
            )

    def extra_repr(self) -> str:
        hidden = ("training", "per_neuron")
        numbers = {k: repr(v) for k, v in vars(self).items() if not k.startswith("_") and k not in hidden}
        arrays = {name: getattr(self, name) for name in self.per_neuron}
        ranges = {k: f"[{float(v.min()):.4g}..{float(v.max()):.4g}]" for k, v in arrays.items()}
        return ", ".join(f"{k}={v}" for k, v in (numbers | ranges).items())


NEURONS = Registry("neuron", Neuron)


def check_neuron(neuron: Neuron) -> None:
    """Raise ValueError where a model lacks what the rest of the package asks of it."""
    name = type(neuron).__name__
    if "_parameters" not in vars(neuron):
        raise ValueError(f"neuron {name} is not complete: its constructor must call super().__init__()")
    for attribute, example in (("v_threshold", "1.0"), ("dt", "1e-3")):
        if not hasattr(neuron, attribute):
            raise ValueError(
                f"neuron {name} has no {attribute}, expected a number: set it in the class or its constructor, for "
                f"example {attribute} = {example}"
            )
    check_positive(f"dt of neuron {name}", neuron.dt, "s")
    check_count(f"channels of neuron {name}", neuron.channels)
    check_flag(f"inclusive of neuron {name}", neuron.inclusive)
    check_flag(f"fires of neuron {name}", neuron.fires)
    check_flag(f"graded of neuron {name}", neuron.graded)
    check_flag(f"random of neuron {name}", neuron.random)
    known: Any = neuron.currents
    named = isinstance(known, tuple) and all(isinstance(own, str) and own.isidentifier() for own in known)
    if not named or not known:
        raise ValueError(f"currents of neuron {name} is {known!r}, expected a tuple of names: set currents = (...,)")
    if neuron.fires and neuron.graded:
        raise ValueError(f"neuron {name} is graded and fires, expected one of the two: set fires = False")
    threshold: Any = neuron.v_threshold
    if neuron.fires and not isinstance(threshold, Tensor):
        check_finite(f"v_threshold of neuron {name}", threshold)


def fits(shape: torch.Size, neurons: torch.Size) -> bool:
    """Tell whether a constant of ``shape`` broadcasts to neurons of a shape without adding axes."""
    return len(shape) == len(neurons) and all(own in (1, edge) for own, edge in zip(shape, neurons, strict=True))


def _written_out(kind: type, function: Any) -> inspect.Signature:
    """The signature of ``function`` with ``**options: Unpack[Some]`` replaced by the keys of that ``TypedDict``.

    Types and defaults are those of the constructor, of ``kind`` or a base, that names the option.
    """
    signature = inspect.signature(function)
    last = list(signature.parameters.values())[-1]
    if last.kind is not last.VAR_KEYWORD or last.annotation is last.empty:
        return signature
    signature = inspect.signature(function, eval_str=True)
    *named, last = signature.parameters.values()
    listed = get_args(last.annotation)
    if not listed:
        return signature
    known: dict[str, inspect.Parameter] = {}
    for base in reversed(kind.__mro__):
        if "__init__" in vars(base):
            known |= inspect.signature(vars(base)["__init__"]).parameters
    options = [name for name in inspect.get_annotations(listed[0]) if name not in signature.parameters]
    rest = [known[name].replace(kind=last.KEYWORD_ONLY) for name in options]
    return signature.replace(parameters=[*named, *rest])
