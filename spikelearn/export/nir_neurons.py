"""Neuron models as nodes of NIR: one function a model."""

from collections.abc import Mapping
from functools import singledispatch
from typing import Any, Literal, NamedTuple

import nir
import numpy as np
from torch import Tensor

from spikelearn.neurons import IF, LIF, CubaLIF, LeakyIntegrator, MembraneNeuron, Neuron, Rate
from spikelearn.neurons.activations import Linear
from spikelearn.neurons.parts.constants import Constant

#: Time step in which the file's time constants are written, seconds: the only one that every importer takes.
FILE_DT = 1e-4

#: What a leaky neuron is written as.
Form = Literal["cuba-lif", "lif"]


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


def population_of(neuron: Neuron, form: Form) -> Population:
    """The node of a neuron's model, which is entered for itself alone: what inherits from it may fire otherwise.

    Raises:
        Unsayable: a model that NIR has no node for, or settings that its node cannot say.
    """
    if type(neuron) not in node_of.registry:
        raise Unsayable(f"has {type(neuron).__name__} neurons, for which NIR has no node")
    return node_of(neuron, form)


@singledispatch
def node_of(_: Neuron, __: Form) -> Population:
    """The node of a model; one of your own is entered with ``node_of.register``."""
    raise NotImplementedError


@node_of.register
def _integrator(neuron: LeakyIntegrator, form: Form) -> Population:
    keep = 1.0 - _values(neuron.decay_mem)
    r = _values(neuron.gain_mem) / keep
    folded = form == "lif"
    constants = {"tau": FILE_DT / keep, "r": 1.0 if folded else r, "v_leak": _values(neuron.v_leak)}
    return Population(nir.LI, constants, r if folded else 1.0)


@node_of.register
def _if(neuron: IF, _: Form) -> Population:
    constants = {"r": 1.0 / FILE_DT, "v_threshold": _threshold(neuron), "v_reset": 0.0}
    return Population(nir.IF, constants, _values(neuron.gain_mem))


@node_of.register
def _lif(neuron: LIF, form: Form) -> Population:
    gain = _values(neuron.gain_mem)
    if form == "cuba-lif":
        return Population(nir.CubaLIF, _cuba(neuron, 0.0), gain)
    keep, threshold = 1.0 - _values(neuron.decay_mem), _threshold(neuron)
    constants = {"tau": FILE_DT / keep, "r": 1.0, "v_leak": 0.0, "v_reset": 0.0, "v_threshold": threshold}
    # An importer's step multiplies what arrives by dt / tau.
    return Population(nir.LIF, constants, gain / keep)


@node_of.register
def _cuba_lif(neuron: CubaLIF, _: Form) -> Population:
    gain = _values(neuron.gain_mem) * _values(neuron.gain_syn)
    return Population(nir.CubaLIF, _cuba(neuron, _values(neuron.decay_syn)), gain)


@node_of.register
def _rate(neuron: Rate, _: Form) -> Population:
    if not isinstance(neuron.activation, Linear):
        raise Unsayable(
            f"has Rate neurons with the activation {neuron.activation!r}, for which NIR has no node: only linear ones, "
            "which need none, can be exported (--output-option activation=linear)"
        )
    return Population(None, {})


def _cuba(neuron: MembraneNeuron, decay_syn: Any) -> dict[str, Any]:
    tau_mem, tau_syn = FILE_DT / (1.0 - _values(neuron.decay_mem)), FILE_DT / (1.0 - decay_syn)
    constants = {"tau_syn": tau_syn, "tau_mem": tau_mem, "r": tau_mem / FILE_DT, "w_in": tau_syn / FILE_DT}
    return {**constants, "v_leak": 0.0, "v_reset": 0.0, "v_threshold": _threshold(neuron)}


def _threshold(neuron: MembraneNeuron) -> Any:
    """The threshold above the reset, a last digit lower where neurons fire at equality; refuses other resets."""
    if neuron.reset == "subtract":
        raise Unsayable(
            "resets by subtraction, which NIR cannot say (its neurons go to v_reset): train with "
            'reset="to_value" (--neuron-option reset=to_value)'
        )
    v_leak, v_reset = _values(neuron.v_leak), _values(neuron.v_reset)
    if np.any(v_leak != v_reset):
        raise Unsayable(
            f"has v_leak {v_leak} and v_reset {v_reset}: importers of NIR start and reset at one potential, so only "
            "equal values can be exported"
        )
    threshold = _values(neuron.v_threshold) - v_reset
    return np.float64(np.nextafter(np.float32(threshold), np.float32(-np.inf))) if neuron.inclusive else threshold


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
