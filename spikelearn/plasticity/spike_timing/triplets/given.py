"""Triplet STDP with parameters of one's own."""

from spikelearn.plasticity.spike_timing.triplets.base import (
    TAU_MINUS,
    TAU_PLUS,
    TRIPLETS,
    Fit,
    Spikes,
    TripletParameters,
)


@TRIPLETS.register("given")
class GivenTriplets(TripletParameters):
    """Amplitudes and time constants as they are given, by default those of a minimal model.

    Args:
        a2_plus, a2_minus: amplitudes of pairs, unit of weight.
        a3_plus, a3_minus: amplitudes of triplets with two postsynaptic, and two presynaptic spikes, unit of weight.
        tau_plus, tau_minus: time constants of the windows of potentiation and depression, seconds.
        tau_x, tau_y: time constants of triplets, of presynaptic and postsynaptic spikes, seconds.
        pairing: "all-to-all" or "nearest-spike".

    Shapes: numbers.

    Raises:
        ValueError: a time constant that is not positive, an unknown pairing.

    Source: Pfister & Gerstner, Journal of Neuroscience 26, 2006, equations 3 and 4.
    """

    def __init__(
        self,
        a2_plus: float = 0.0,
        a2_minus: float = 7.1e-3,
        a3_plus: float = 6.5e-3,
        a3_minus: float = 0.0,
        *,
        tau_plus: float = TAU_PLUS,
        tau_minus: float = TAU_MINUS,
        tau_x: float = 101e-3,
        tau_y: float = 114e-3,
        pairing: Spikes = "all-to-all",
    ) -> None:
        super().__init__(Fit(a2_plus, a3_plus, a2_minus, a3_minus, tau_x, tau_y), pairing, tau_plus, tau_minus)
