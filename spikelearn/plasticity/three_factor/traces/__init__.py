"""Traces: how the past of a synapse enters its update; importing them registers them."""

from spikelearn.plasticity.three_factor.traces.alif import ALIFTrace
from spikelearn.plasticity.three_factor.traces.base import TRACES, Trace
from spikelearn.plasticity.three_factor.traces.double_exponential import DoubleExponentialTrace
from spikelearn.plasticity.three_factor.traces.eligibility import EligibilityTrace
from spikelearn.plasticity.three_factor.traces.instant import InstantTrace
from spikelearn.plasticity.three_factor.traces.lif import LIFTrace
from spikelearn.plasticity.three_factor.traces.pre import PreTrace
from spikelearn.plasticity.three_factor.traces.pre_post import PrePostTrace

__all__ = [
    "TRACES",
    "ALIFTrace",
    "DoubleExponentialTrace",
    "EligibilityTrace",
    "InstantTrace",
    "LIFTrace",
    "PrePostTrace",
    "PreTrace",
    "Trace",
]
