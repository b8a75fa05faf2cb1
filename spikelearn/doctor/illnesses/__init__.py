"""The illnesses that the doctor knows, most fundamental first: what stands before may cause what stands behind."""

from spikelearn.doctor.illnesses.base import Finding, Illness
from spikelearn.doctor.illnesses.firing import DEAD, EPILEPTIC, SATURATED, TIES
from spikelearn.doctor.illnesses.inputs import EMPTY_INPUT, TIME_STEP, WRONG_ORDER
from spikelearn.doctor.illnesses.weights import (
    AT_BOUNDS,
    EXPLODING,
    NOTHING_CHANGES,
    RATE_TOO_HIGH,
    RATE_TOO_LOW,
    VANISHING,
)

#: In the order in which they are reported.
ILLNESSES: tuple[Illness, ...] = (
    *(WRONG_ORDER, EMPTY_INPUT, TIME_STEP, EXPLODING, RATE_TOO_HIGH, AT_BOUNDS, EPILEPTIC, SATURATED, DEAD),
    *(VANISHING, NOTHING_CHANGES, RATE_TOO_LOW, TIES),
)

__all__ = ["ILLNESSES", "Finding", "Illness"]
