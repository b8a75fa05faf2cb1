"""Weights in cells of imperfect conductance."""

import torch

from spikelearn.checks import check_positive
from spikelearn.hardware.impairments.base import IMPAIRMENTS, Impairment, check_not_negative, normal_like
from spikelearn.network import Network, synaptic_weights


@IMPAIRMENTS.register("device")
class Cells(Impairment):
    r"""Weights are programmed once into cells of imperfect conductance, and may drift.

    With w in units of its layer's largest absolute weight, R = ``on_off`` and $\epsilon, \eta \sim \mathcal N(0, 1)$
    for each cell:

    $$G = \tfrac{1 + w}{2}(1 - \tfrac 1R) + \tfrac 1R, \qquad
      w' = \frac{2}{1 - 1/R}\bigl(G\,(1 + \mathrm{d2d}\,\epsilon)\,t^{-(\nu + \sigma\eta)} - G_{ref}\,t^{-\nu}\bigr)$$

    t = ``seconds``, $\nu$ = ``drift``, $\sigma$ = ``drift_sd``; $G_{ref}$, the conductance of w = 0, is that of a
    reference column.

    Args:
        d2d: device-to-device spread of the conductance, share of it.
        on_off: largest conductance over the lowest, dimensionless, above 1; inf: cells that are off carry nothing.
        drift, drift_sd: exponent of the drift and its spread, dimensionless.
        seconds: time since programming, seconds, at least 1.

    Shapes: weights of any shape.

    Raises:
        ValueError: a value out of range.

    Source: cell noise, on/off ratio, reference column and retention of DNN+NeuroSim V2.1, Peng et al., IEEE TCAD 40,
    2021. deviation: there the reference column does not drift.
    """

    def __init__(
        self, d2d: float = 0.1, on_off: float = 10.0, drift: float = 0.0, drift_sd: float = 0.0, seconds: float = 1.0
    ) -> None:
        for name, value in (("d2d", d2d), ("drift", drift), ("drift_sd", drift_sd)):
            check_not_negative(name, value)
        if not isinstance(on_off, int | float) or not on_off > 1:
            raise ValueError(f"on_off is {on_off!r}, expected a ratio above 1, or infinity")
        check_positive("seconds", seconds, "s")
        if seconds < 1:
            raise ValueError(f"seconds is {seconds!r}, expected at least 1: drift is counted from the first second")
        self.d2d, self.on_off, self.drift, self.drift_sd, self.seconds = d2d, on_off, drift, drift_sd, seconds

    def __call__(self, network: Network, generator: torch.Generator) -> None:
        off = 1.0 / self.on_off
        reference = ((1.0 - off) / 2 + off) * self.seconds**-self.drift
        for weight in synaptic_weights(network).values():
            largest = weight.abs().max()
            if largest == 0:
                continue
            conductance = (1.0 + weight / largest) / 2 * (1.0 - off) + off
            conductance = conductance * (1.0 + self.d2d * normal_like(weight, generator))
            exponent = self.drift + self.drift_sd * normal_like(weight, generator)
            left = conductance * self.seconds**-exponent
            weight.copy_(largest * 2.0 / (1.0 - off) * (left - reference))
