"""Nodes of NIR as neurons of this package: one function a kind."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

from spikelearn.export.nir_nodes import Node
from spikelearn.export.nir_quirks import Reading, decay_of
from spikelearn.neurons import IF, LIF, CubaLIF, LeakyIntegrator, Neuron
from spikelearn.neurons.parts.constants import Constant

#: How far a gain may be off 1 and be meant as 1: arrays may be in single precision.
NEAR_ONE = 1e-6


def neurons_of(node: Node, shape: tuple[int, ...], reading: Reading) -> Neuron:
    """The neurons of a population's node, of which there are as many as ``shape`` says.

    An input gain that is 1 within the rounding of single precision is exactly 1.

    Raises:
        ValueError: arrays of another shape, a time constant below the time step, a model that there is none of.
    """
    make = MADE.get(node.kind)
    if make is None:
        raise ValueError(
            f"node {node.name!r} is of kind {node.kind}, which no neuron of this package is: expected one of "
            f"{', '.join(MADE)}"
        )
    arrays = {name: _fitted(node, name, value, shape) for name, value in node.fields.items()}
    try:
        return make(arrays, reading)
    except ValueError as error:
        raise ValueError(f"node {node.name!r}: {error}") from error


def _fitted(node: Node, name: str, value: Any, shape: tuple[int, ...]) -> np.ndarray:
    array = np.asarray(value, np.float64)
    if array.shape != shape and array.size != 1:
        raise ValueError(
            f"{name} of node {node.name!r} has shape {list(array.shape)}, but what arrives there has {list(shape)}: "
            "the file is damaged, or counts axes otherwise (mend batch-axis, flatten-batch)"
        )
    return array.reshape(shape) if array.shape == shape else array.reshape(())


def _constant(array: np.ndarray) -> Constant:
    """One number, or one a neuron, in double precision."""
    first = float(array.reshape(-1)[0])
    return first if bool((array == first).all()) else torch.from_numpy(np.ascontiguousarray(array))


def _near_one(gain: np.ndarray) -> np.ndarray:
    return np.ones(()) if np.allclose(gain, 1.0, rtol=NEAR_ONE, atol=0) else gain


def _check_times(**times: np.ndarray) -> None:
    for name, tau in times.items():
        if (tau <= 0).any():
            raise ValueError(f"{name} is {float(tau.min()):g} s, expected a positive time")


def _keep(tau: np.ndarray, reading: Reading, name: str) -> np.ndarray:
    decay = decay_of(tau, reading)
    if (decay < 0).any():
        raise ValueError(
            f"{name} is {float(tau.min()):g} s with a time step of {reading.dt:g} s, expected it not to be below: "
            "give the file's time step (dt), or mend norse-time"
        )
    return 1.0 - decay


def _set(neuron: Any, **constants: np.ndarray) -> Any:
    """Set what is computed per step as it was read, not as it comes back from a time constant."""
    for name, value in constants.items():
        neuron.set_constant(name, _constant(value))
    return neuron


def _firing(arrays: dict[str, np.ndarray], reading: Reading) -> dict[str, Any]:
    options = {name: _constant(arrays[name]) for name in ("v_threshold", "v_reset")}
    if reading.reset == "subtract":
        options["v_reset"] = 0.0
    return {**options, "reset": reading.reset, "inclusive": reading.inclusive, "dt": reading.network_dt}


def _leaky(kind: Any, arrays: dict[str, np.ndarray], keep: np.ndarray, gain: np.ndarray, options: Any) -> Any:
    """A leaky membrane of decay 1 - ``keep`` and an input ``gain``."""
    rest = arrays["v_leak"]
    if bool((gain == 1.0).all()):
        return kind.per_step(_constant(1.0 - keep), v_leak=_constant(rest), **options)
    dt = options["dt"]
    tau, r = _constant(dt / keep), _constant(gain / keep)
    made = kind(tau, r=r, v_leak=_constant(rest), discretisation="euler", **options)
    leak = keep * rest if rest.any() else np.zeros(())
    return _set(made, decay_mem=1.0 - keep, gain_mem=gain, leak=leak)


def _lif(arrays: dict[str, np.ndarray], reading: Reading) -> LIF:
    _check_times(tau=arrays["tau"])
    keep = _keep(arrays["tau"], reading, "tau")
    gain = np.ones(()) if "LIF" in reading.unit_gain else _near_one(arrays["r"] * keep)
    made: LIF = _leaky(LIF, arrays, keep, gain, _firing(arrays, reading))
    return made


def _li(arrays: dict[str, np.ndarray], reading: Reading) -> LeakyIntegrator:
    _check_times(tau=arrays["tau"])
    keep = _keep(arrays["tau"], reading, "tau")
    gain = np.ones(()) if "LI" in reading.unit_gain else _near_one(arrays["r"] * keep)
    made: LeakyIntegrator = _leaky(LeakyIntegrator, arrays, keep, gain, {"dt": reading.network_dt})
    return made


def _if(arrays: dict[str, np.ndarray], reading: Reading) -> IF:
    gain = np.ones(()) if "IF" in reading.unit_gain else _near_one(arrays["r"] * reading.dt)
    return IF(r=_constant(gain), **_firing(arrays, reading))


def _cuba_lif(arrays: dict[str, np.ndarray], reading: Reading) -> LIF | CubaLIF:
    """A filter of one step keeps nothing: with it the neuron is a LIF."""
    tau_mem, tau_syn = arrays["tau_mem"], arrays["tau_syn"]
    _check_times(tau_mem=tau_mem, tau_syn=tau_syn)
    keep_mem, keep_syn = _keep(tau_mem, reading, "tau_mem"), _keep(tau_syn, reading, "tau_syn")
    whole = arrays["r"] * keep_mem * (arrays["w_in"] * keep_syn)
    gain = np.ones(()) if "CubaLIF" in reading.unit_gain else _near_one(whole)
    options, dt = _firing(arrays, reading), reading.network_dt
    if bool((np.abs(1.0 - keep_syn) < NEAR_ONE).all()):
        own: LIF = _leaky(LIF, arrays, keep_mem, gain, options)
        return own
    rest = _constant(arrays["v_leak"])
    if bool((gain == 1.0).all()):
        return CubaLIF.per_step(_constant(1.0 - keep_mem), _constant(1.0 - keep_syn), v_leak=rest, **options)
    times = (_constant(dt / keep_mem), _constant(dt / keep_syn))
    r = gain / (keep_mem * keep_syn)
    made = CubaLIF(*times, r=_constant(r), v_leak=rest, discretisation="euler", **options)
    decays = {"decay_mem": 1.0 - keep_mem, "decay_syn": 1.0 - keep_syn, "gain_syn": keep_syn, "gain_mem": r * keep_mem}
    _set(made, **decays)
    return made


def _threshold(arrays: dict[str, np.ndarray], reading: Reading) -> LIF:
    """A LIF that forgets all at every step compares its current alone."""
    options: Any = {"reset": reading.reset, "inclusive": reading.inclusive, "dt": reading.network_dt}
    return LIF.per_step(0.0, v_threshold=_constant(arrays["threshold"]), **options)


#: {kind of node: the function that makes its neurons}.
MADE: dict[str, Callable[[dict[str, np.ndarray], Reading], Neuron]] = {
    "LIF": _lif, "CubaLIF": _cuba_lif, "IF": _if, "LI": _li, "Threshold": _threshold,
}  # fmt: skip
