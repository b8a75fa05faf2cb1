"""Learning on non-ideal memory cells: every weight change is a number of pulses."""

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor

from spikelearn.checks import check_choice, check_count, check_finite
from spikelearn.hardware.base import HARDWARE, Hardware
from spikelearn.hardware.curve import STEEPEST, Curve
from spikelearn.hardware.quantise import check_bits, on_grid, rounded


@HARDWARE.register("device")
class Device(Hardware):
    r"""Cells whose conductance moves along a curve, pulse by pulse, with noise.

    Weights in units of the layer's largest, in [-1, 1]. A wished change d is $p = d\,\mathrm{pulses}/2$ pulses, as a
    whole number; they move the weight along $w(P) = B (1 - e^{-P/A}) - 1$ (``Curve``), with the curve of long-term
    potentiation where p > 0 and that of depression where p < 0. The move is rounded at random to the grid
    $2^{1-\mathrm{bits}}$; where it is not 0 a normal deviate of standard deviation 2 ``c2c`` is added; the result is
    clipped to $\pm(1 - 2^{1-\mathrm{bits}})$. Each cell has its own $NL + \mathcal N(0, \mathrm{d2d})$, for good.

    Args:
        nl_ltp, nl_ltd: NL of potentiation and depression, dimensionless, magnitude up to 9; 0 is straight. Of equal
            sign both go along one curve; a negative ``nl_ltd`` makes depression steep at the upper end, as potentiation
            is at the lower one.
        pulses: pulses from the lowest weight to the highest.
        bits: bits of a weight.
        c2c: cycle-to-cycle noise of a write, share of the range.
        d2d: device-to-device spread of NL, dimensionless; one draw for a cell's two curves.
        rounding: of pulses, "stochastic" or "nearest"; nearest loses changes of less than half a pulse.
        scale: largest weight of a layer in units of its largest absolute weight at the start.
        largest: largest weight of every layer, unit of weight, in place of ``scale``; None: by ``scale``.

    Shapes: weights of any shape.

    Raises:
        ValueError: a value out of range.

    Source: Wolters et al., MWSCAS 2023 (arXiv 2212.14337); model and defaults of DNN+NeuroSim V2.1, Peng et al., IEEE
    TCAD 40, 2021. deviation: that program scales each layer's gradient to a power of two, rounds pulses to the nearest,
    and divides the move by the grid's size once more; here any rule's change is written with its own size. There the
    network reads weights rounded to the grid, here the cells as they are.
    """

    def __init__(
        self,
        nl_ltp: float = 1.75,
        nl_ltd: float = 1.46,
        pulses: int = 32,
        bits: int = 5,
        c2c: float = 0.003,
        d2d: float = 0.0,
        *,
        rounding: Literal["stochastic", "nearest"] = "stochastic",
        scale: float = 2.0,
        largest: float | None = None,
    ) -> None:
        super().__init__(scale, largest)
        for name, value in (("nl_ltp", nl_ltp), ("nl_ltd", nl_ltd)):
            check_finite(name, value)
            if abs(value) > STEEPEST:
                raise ValueError(f"{name} is {value!r}, expected a non-linearity from -{STEEPEST:g} to {STEEPEST:g}")
        for name, value in (("c2c", c2c), ("d2d", d2d)):
            check_finite(name, value)
            if value < 0:
                raise ValueError(f"{name} is {value!r}, expected a number of at least 0")
        check_count("pulses", pulses)
        check_bits(bits)
        check_choice("rounding", rounding, ("stochastic", "nearest"))
        self.nl_ltp, self.nl_ltd, self.pulses, self.bits = nl_ltp, nl_ltd, pulses, bits
        self.c2c, self.d2d, self.rounding = c2c, d2d, rounding
        self.spread: dict[str, Tensor] = {}
        self._curves: dict[str, tuple[Curve, Curve]] = {}

    def state_dict(self) -> dict[str, Any]:
        return {**super().state_dict(), "spread": dict(self.spread)}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        super().load_state_dict(state)
        for name, drawn in state["spread"].items():
            self.spread[name] = drawn.to(self.spread[name])
            self._curves[name] = self._curves_of(self.spread[name])

    def _make_cells(self, name: str, weight: Tensor) -> None:
        one = weight.new_zeros(1)
        self.spread[name] = self.d2d * self._normal(weight) if self.d2d else one
        self._curves[name] = self._curves_of(self.spread[name])

    def _curves_of(self, spread: Tensor) -> tuple[Curve, Curve]:
        return Curve(self.nl_ltp + spread, self.pulses), Curve(self.nl_ltd + spread, self.pulses)

    def _placed(self, weight: Tensor) -> Tensor:
        return on_grid(weight, self.bits)

    def _written(self, name: str, old: Tensor, new: Tensor) -> Tensor:
        wished = (new - old) * (self.pulses / 2)
        count = rounded(wished, self._uniform(wished)) if self.rounding == "stochastic" else wished.round()
        up, down = self._curves[name]
        moved = torch.where(count > 0, up.moved(old, count), down.moved(old, count)).clamp(-1.0, 1.0)
        grid = 2.0 ** (self.bits - 1)
        move = rounded((moved - old) * grid, self._uniform(old)) / grid
        changed = move != 0
        self.written += int(count.abs().sum())
        weights = old + move
        if self.c2c:
            weights = torch.where(changed, weights + 2.0 * self.c2c * self._normal(old), weights)
        return weights.clamp(1.0 / grid - 1.0, 1.0 - 1.0 / grid)
