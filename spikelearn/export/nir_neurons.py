"""Neuron models as nodes of NIR: one function a model."""

import copy
from collections.abc import Mapping
from functools import singledispatch
from typing import Any, Literal, NamedTuple

import nir
import numpy as np
from torch import Tensor

from spikelearn.neurons import IF, LIF, PLIF, CubaLIF, LeakyIntegrator, MembraneNeuron, Neuron, Rate
from spikelearn.neurons.activations import Linear
from spikelearn.neurons.parts.constants import Constant

#: Time step in which the file's time constants are written, seconds: the only one that every importer takes.
FILE_DT = 1e-4

#: What a leaky neuron is written as.
Form = Literal["cuba-lif", "lif", "nir", "exponential-lif"]

#: What a pool is written as: sums, averages, or convolutions with a kernel of ones for each channel.
Pools = Literal["sum", "average", "conv"]


class Unsayable(ValueError):
    """A NIR file cannot express this part of a block; the caller names the block."""


class Population(NamedTuple):
    """A population of neurons as NIR says it.

    Args:
        node: the class of its node; None: what its neurons do needs none.
        constants: the node's arrays, as numbers or as arrays that broadcast to the neurons.
        gain: factor on the current, which goes into the weights before it.
    """

    node: type | None
    constants: Mapping[str, Any]
    gain: Any = 1.0

    def made(self, shape: tuple[int, ...]) -> Any:
        """The node for neurons of this shape; float64, as exactness needs."""
        assert self.node is not None
        for name, value in self.constants.items():
            own = np.shape(value)
            if own and (len(own) != len(shape) or any(a not in (1, b) for a, b in zip(own, shape, strict=True))):
                raise Unsayable(f"has a {name} of shape {list(own)}, but its neurons are {list(shape)}")
        arrays = {name: np.broadcast_to(np.float64(value), shape).copy() for name, value in self.constants.items()}
        return self.node(**arrays)


def population_of(neuron: Neuron, form: Form, *, lossy: bool = False) -> tuple[Population, tuple[str, ...]]:
    """The node of a neuron's model, and what is lost in it, a sentence each; nothing is unless ``lossy``.

    A model is entered for itself alone: what inherits from it may fire otherwise.

    Raises:
        Unsayable: a model that NIR has no node for, or settings that its node cannot say.
    """
    if type(neuron) not in node_of.registry:
        raise Unsayable(f"has {type(neuron).__name__} neurons, for which NIR has no node")
    lost: list[str] = []
    if lossy and isinstance(neuron, MembraneNeuron):
        neuron, lost = _sayable(neuron, form)
    return node_of(neuron, form), tuple(lost)


def _sayable(neuron: MembraneNeuron, form: Form) -> tuple[MembraneNeuron, list[str]]:
    """The neuron nearest to ``neuron`` that a node can say, and what it does otherwise."""
    lost, made = [], copy.copy(neuron)
    made._buffers = dict(neuron._buffers)
    if neuron.reset == "subtract":
        made.reset = "to_value"
        # What it would be reset to was not used.
        made.set_constant("v_reset", neuron.v_leak)
        lost.append("its reset by subtraction is written as one to the rest, so that it fires less")
    elif form != "nir" and np.any(_values(neuron.v_leak) != _values(neuron.v_reset)):
        made.set_constant("v_reset", neuron.v_leak)
        lost.append("its v_reset is written as v_leak, to which readers reset")
    return made, lost


@singledispatch
def node_of(_: Neuron, __: Form) -> Population:
    """The node of a model; one of your own is entered with ``node_of.register``."""
    raise NotImplementedError


@node_of.register
def _integrator(neuron: LeakyIntegrator, form: Form) -> Population:
    keep = 1.0 - _values(neuron.decay_mem)
    r = _values(neuron.gain_mem) / keep
    folded = form in ("lif", "exponential-lif")
    constants = {"tau": _time(keep, form), "r": 1.0 if folded else r, "v_leak": _values(neuron.v_leak)}
    return Population(nir.LI, constants, r if folded else 1.0)


@node_of.register
def _if(neuron: IF, form: Form) -> Population:
    if form == "nir":
        return Population(nir.IF, {"r": _values(neuron.gain_mem) / FILE_DT, **_firing(neuron)})
    constants = {"r": 1.0 / FILE_DT, "v_threshold": _threshold(neuron), "v_reset": 0.0}
    return Population(nir.IF, constants, _values(neuron.gain_mem))


@node_of.register
def _lif(neuron: LIF, form: Form) -> Population:
    return _leaky(neuron, _values(neuron.decay_mem), _values(neuron.gain_mem), form)


@node_of.register
def _plif(neuron: PLIF, form: Form) -> Population:
    """A LIF with the decay that was learned."""
    decay = _values(neuron.decay_mem)
    gain = np.ones(()) if neuron.unit_gain else (1.0 - decay) * _values(neuron.r)
    return _leaky(neuron, decay, gain, form)


def _leaky(neuron: MembraneNeuron, decay: Any, gain: Any, form: Form) -> Population:
    keep = 1.0 - decay
    if form == "nir":
        rest = {"v_leak": _values(neuron.v_leak)}
        return Population(nir.LIF, {"tau": FILE_DT / keep, "r": gain / keep, **rest, **_firing(neuron)})
    if form == "cuba-lif":
        return Population(nir.CubaLIF, _cuba(decay, 0.0, _threshold(neuron)), gain)
    constants = {"tau": _time(keep, form), "r": 1.0, "v_leak": 0.0, "v_reset": 0.0, "v_threshold": _threshold(neuron)}
    # A reader's step multiplies what arrives by 1 - its decay.
    return Population(nir.LIF, constants, gain / keep)


@node_of.register
def _cuba_lif(neuron: CubaLIF, form: Form) -> Population:
    decay_mem, decay_syn = _values(neuron.decay_mem), _values(neuron.decay_syn)
    if form == "exponential-lif":
        raise Unsayable("has CubaLIF neurons, which readers of exponential decays do not know: choose another form")
    gain_mem, gain_syn = _values(neuron.gain_mem), _values(neuron.gain_syn)
    if form == "nir":
        constants = {"tau_syn": FILE_DT / (1.0 - decay_syn), "tau_mem": FILE_DT / (1.0 - decay_mem)}
        # All of the gain in r, where more than one factor would have to be told apart again.
        r = gain_mem * gain_syn / ((1.0 - decay_mem) * (1.0 - decay_syn))
        rest = {"v_leak": _values(neuron.v_leak)}
        return Population(nir.CubaLIF, {**constants, "r": r, "w_in": 1.0, **rest, **_firing(neuron)})
    return Population(nir.CubaLIF, _cuba(decay_mem, decay_syn, _threshold(neuron)), gain_mem * gain_syn)


@node_of.register
def _rate(neuron: Rate, _: Form) -> Population:
    if not isinstance(neuron.activation, Linear):
        raise Unsayable(
            f"has Rate neurons with the activation {neuron.activation!r}, for which NIR has no node: only linear ones, "
            "which need none, can be exported (--output-option activation=linear)"
        )
    return Population(None, {})


def _time(keep: Any, form: Form) -> Any:
    """The time constant by which a reader keeps 1 - ``keep``: in an Euler step, or exponentially."""
    if form != "exponential-lif":
        return FILE_DT / keep
    if np.any(keep == 1.0):
        raise Unsayable("forgets all at every step, of which an exponential decay has no time constant")
    return -FILE_DT / np.log1p(-np.asarray(keep, np.float64))


def _cuba(decay_mem: Any, decay_syn: Any, threshold: Any) -> dict[str, Any]:
    tau_mem, tau_syn = FILE_DT / (1.0 - decay_mem), FILE_DT / (1.0 - decay_syn)
    constants = {"tau_syn": tau_syn, "tau_mem": tau_mem, "r": tau_mem / FILE_DT, "w_in": tau_syn / FILE_DT}
    return {**constants, "v_leak": 0.0, "v_reset": 0.0, "v_threshold": threshold}


def _refuse_subtraction(neuron: MembraneNeuron) -> None:
    if neuron.reset == "subtract":
        raise Unsayable(
            "resets by subtraction, which NIR cannot say (its neurons go to v_reset): train with "
            'reset="to_value" (--neuron-option reset=to_value), or write what is nearest, lossy=True (--lossy)'
        )


def _firing(neuron: MembraneNeuron) -> dict[str, Any]:
    """Threshold and reset as they are."""
    _refuse_subtraction(neuron)
    threshold = _values(neuron.v_threshold)
    return {"v_threshold": _lowered(threshold) if neuron.inclusive else threshold, "v_reset": _values(neuron.v_reset)}


def _threshold(neuron: MembraneNeuron) -> Any:
    """The threshold above the reset, a last digit lower where neurons fire at equality; refuses other resets."""
    _refuse_subtraction(neuron)
    v_leak, v_reset = _values(neuron.v_leak), _values(neuron.v_reset)
    if np.any(v_leak != v_reset):
        raise Unsayable(
            f"has v_leak {v_leak} and v_reset {v_reset}: importers of NIR start and reset at one potential, so only "
            'equal values can be exported, or form="nir" (--form nir), which few of them read'
        )
    threshold = _values(neuron.v_threshold) - v_reset
    return _lowered(threshold) if neuron.inclusive else threshold


def _lowered(threshold: Any) -> Any:
    """The next number below in single precision: what lies above it is what is equal or above."""
    return np.float64(np.nextafter(np.float32(threshold), np.float32(-np.inf)))


def _values(value: Constant) -> Any:
    """A constant as a number, or as an array in double precision."""
    return value.detach().cpu().double().numpy() if isinstance(value, Tensor) else value


def by_output(gain: Any) -> Any:
    """A gain as weights can carry it: a number, or a vector of one for each output or channel.

    Raises:
        Unsayable: gains that differ within a channel.
    """
    if np.ndim(gain) == 0:
        return gain
    rows = gain.reshape(len(gain), -1)
    if (rows != rows[:, :1]).any():
        raise Unsayable(
            "has an input gain that differs within a channel, where the weights, into which it is multiplied, are the "
            "same for all places: use neurons of the per-step form, or one gain a channel, [C, 1, 1]"
        )
    return rows[:, 0]
