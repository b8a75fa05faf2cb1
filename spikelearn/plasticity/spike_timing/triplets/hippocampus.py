"""Triplet STDP as it was fitted to cultures of hippocampus."""

from spikelearn.plasticity.spike_timing.triplets.base import TRIPLETS, Fit, Model, Spikes, TripletParameters, row_of

FITS: dict[tuple[Spikes, Model], Fit] = {
    ("all-to-all", "full"): Fit(6.1e-3, 6.7e-3, 1.6e-3, 1.4e-3, 946e-3, 27e-3),
    ("all-to-all", "minimal"): Fit(5.3e-3, 8e-3, 3.5e-3, 0.0, 946e-3, 40e-3),
    ("nearest-spike", "full"): Fit(4.6e-3, 9.1e-3, 3e-3, 7.5e-9, 575e-3, 47e-3),
    ("nearest-spike", "minimal"): Fit(4.6e-3, 9.1e-3, 3e-3, 0.0, 575e-3, 48e-3),
}


@TRIPLETS.register("hippocampus")
class Hippocampus(TripletParameters):
    """Fits to cultures of hippocampus, whose neurons fired in triplets and quadruplets.

    Args:
        model: "minimal": without triplets of two presynaptic spikes; "full": all four terms.
        pairing: "all-to-all" or "nearest-spike".

    Shapes: numbers; amplitudes as a share of the initial weight, dimensionless, time constants in seconds.

    Raises:
        ValueError: an unknown model or pairing.

    Source: Pfister & Gerstner, Journal of Neuroscience 26, 2006, table 4 (data of Wang, Gerkin, Nauen & Bi, Nature
    Neuroscience 8, 2005).
    """

    def __init__(self, model: Model = "full", pairing: Spikes = "all-to-all") -> None:
        super().__init__(row_of(FITS, pairing, model), pairing)
