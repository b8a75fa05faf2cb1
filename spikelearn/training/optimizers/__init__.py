"""Optimizers: one a file; importing them registers them."""

from spikelearn.training.optimizers.adam import AdamFactory
from spikelearn.training.optimizers.adamax import AdamaxFactory
from spikelearn.training.optimizers.adamw import AdamWFactory
from spikelearn.training.optimizers.averaging import Averaging
from spikelearn.training.optimizers.base import OPTIMIZERS, OptimizerFactory, choose_optimizer, make_optimizer
from spikelearn.training.optimizers.hebbian import HebbianFactory, HebbianSteps
from spikelearn.training.optimizers.integer_sgd import IntegerSGD, IntegerSGDFactory
from spikelearn.training.optimizers.rmaxprop import RMaxProp, RMaxPropFactory
from spikelearn.training.optimizers.rms import RMSFactory, UnitRMS
from spikelearn.training.optimizers.schedule_free_adamw import ScheduleFreeAdamW, ScheduleFreeAdamWFactory
from spikelearn.training.optimizers.sgd import SGDFactory

__all__ = [
    "OPTIMIZERS",
    "AdamFactory",
    "AdamWFactory",
    "Averaging",
    "AdamaxFactory",
    "HebbianFactory",
    "HebbianSteps",
    "IntegerSGD",
    "IntegerSGDFactory",
    "OptimizerFactory",
    "RMSFactory",
    "RMaxProp",
    "RMaxPropFactory",
    "SGDFactory",
    "ScheduleFreeAdamW",
    "ScheduleFreeAdamWFactory",
    "UnitRMS",
    "choose_optimizer",
    "make_optimizer",
]
