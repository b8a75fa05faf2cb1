"""Spiking neural networks whose synapses learn, by any rule, on the same network.

>>> from spikelearn import build, Training, BPTT, Loader, Digits, fit
"""

import spikelearn.threads  # noqa: F401  before torch, which reads once how its threads wait
from spikelearn.datasets import DATASETS, ArrayDataset, Digits, DigitsEvents
from spikelearn.export import from_norse, from_snntorch, from_spikingjelly, read_nir, to_norse, to_snntorch
from spikelearn.loading import Loader
from spikelearn.measure import evaluate
from spikelearn.network import Block, Feedback, Network, build
from spikelearn.neurons import IF, LIF, NEURONS, AdaptiveLIF, CubaLIF, LeakyIntegrator
from spikelearn.plasticity import BPTT, DFA, FA, RULES, STDP, Batch, ReadoutOnly, Rule, Update
from spikelearn.runs import network_for
from spikelearn.training import Training, fit, learn

__all__ = [
    "BPTT",
    "DATASETS",
    "DFA",
    "FA",
    "IF",
    "LIF",
    "NEURONS",
    "RULES",
    "STDP",
    "AdaptiveLIF",
    "ArrayDataset",
    "Batch",
    "Block",
    "CubaLIF",
    "Digits",
    "DigitsEvents",
    "Feedback",
    "LeakyIntegrator",
    "Loader",
    "Network",
    "ReadoutOnly",
    "Rule",
    "Training",
    "Update",
    "build",
    "evaluate",
    "fit",
    "from_norse",
    "from_snntorch",
    "from_spikingjelly",
    "learn",
    "network_for",
    "read_nir",
    "to_norse",
    "to_snntorch",
]
