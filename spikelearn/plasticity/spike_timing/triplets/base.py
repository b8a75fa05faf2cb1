"""Base of all parameters of triplet STDP."""

from typing import ClassVar, Literal, NamedTuple, get_args

from spikelearn.checks import check_choice, check_finite, check_positive
from spikelearn.registry import Registry

Model = Literal["full", "minimal"]
Spikes = Literal["all-to-all", "nearest-spike"]

#: Time constants of the two pair windows, seconds, which all fits have in common.
TAU_PLUS, TAU_MINUS = 16.8e-3, 33.7e-3


class Fit(NamedTuple):
    """One row of a table of fits; amplitudes in units of weight, time constants in seconds.

    A time constant whose amplitude is 0 has no value in the tables: it stands here as that of the full model.
    """

    a2_plus: float
    a3_plus: float
    a2_minus: float
    a3_minus: float
    tau_x: float
    tau_y: float


class TripletParameters:
    """Amplitudes and time constants of triplet STDP, and which spikes its traces remember.

    Args:
        fit: amplitudes of pairs and triplets, and the time constants of triplets.
        pairing: "all-to-all", or "nearest-spike": a trace tells of the last spike alone.
        tau_plus, tau_minus: time constants of the windows of potentiation and depression, seconds.
    """

    #: The name under which the parameters are registered; ``TRIPLETS.register`` sets it.
    name: ClassVar[str] = "the triplet parameters"

    def __init__(self, fit: Fit, pairing: Spikes, tau_plus: float = TAU_PLUS, tau_minus: float = TAU_MINUS) -> None:
        check_choice("pairing", pairing, get_args(Spikes))
        for name, value in fit._asdict().items():
            if name.startswith("tau"):
                check_positive(name, value, "s")
            else:
                check_finite(name, value)
        check_positive("tau_plus", tau_plus, "s")
        check_positive("tau_minus", tau_minus, "s")
        self.fit, self.pairing, self.tau_plus, self.tau_minus = fit, pairing, tau_plus, tau_minus

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.fit}, {self.pairing})"


TRIPLETS = Registry("triplet parameters", TripletParameters)


def row_of(fits: dict[tuple[Spikes, Model], Fit], pairing: Spikes, model: Model) -> Fit:
    """The row of a table for a pairing and a model."""
    check_choice("pairing", pairing, get_args(Spikes))
    check_choice("model", model, get_args(Model))
    return fits[pairing, model]
