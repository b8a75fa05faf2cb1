"""Triplet STDP as it was fitted to visual cortex."""

from spikelearn.plasticity.spike_timing.triplets.base import TRIPLETS, Fit, Model, Spikes, TripletParameters, row_of

FITS: dict[tuple[Spikes, Model], Fit] = {
    ("all-to-all", "full"): Fit(5e-10, 6.2e-3, 7e-3, 2.3e-4, 101e-3, 125e-3),
    ("all-to-all", "minimal"): Fit(0.0, 6.5e-3, 7.1e-3, 0.0, 101e-3, 114e-3),
    ("nearest-spike", "full"): Fit(8.8e-11, 5.3e-2, 6.6e-3, 3.1e-3, 714e-3, 40e-3),
    ("nearest-spike", "minimal"): Fit(0.0, 5e-2, 8e-3, 0.0, 714e-3, 40e-3),
}


@TRIPLETS.register("visual-cortex")
class VisualCortex(TripletParameters):
    """Fits to slices of visual cortex, whose neurons were paired at several frequencies.

    Args:
        model: "minimal": potentiation by triplets and depression by pairs alone; "full": all four terms.
        pairing: "all-to-all" or "nearest-spike".

    Shapes: numbers; amplitudes as a share of the initial weight, dimensionless, time constants in seconds.

    Raises:
        ValueError: an unknown model or pairing.

    Source: Pfister & Gerstner, Journal of Neuroscience 26, 2006, table 3 (data of Sjostrom, Turrigiano & Nelson, Neuron
    32, 2001).
    """

    def __init__(self, model: Model = "minimal", pairing: Spikes = "all-to-all") -> None:
        super().__init__(row_of(FITS, pairing, model), pairing)
