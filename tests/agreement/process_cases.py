"""Rules, networks and batches that several processes share."""

from dataclasses import dataclass

import torch

from spikelearn.datasets import ImageDataset
from spikelearn.loading import BernoulliRate, Loader
from spikelearn.plasticity import OptimizerChoice
from spikelearn.seeding import generator_for
from spikelearn.tasks import PerStep, Regress
from spikelearn.training import (
    Training,
)
from tests.conformance.cases import RULES, RuleCase

#: Rules whose shards are not the batch, and why.
DIFFERENT = {
    "mstdp": "weights change while a batch runs, and so in every process on its own",
    "mstdpet": "weights change while a batch runs, and so in every process on its own",
    "clopath": "weights change while a batch runs, and so in every process on its own",
    "urbanczik-senn": "weights change while a batch runs, and so in every process on its own",
    "vogels": "weights change while a batch runs, and so in every process on its own",
    "dopamine-stdp": "weights change while a batch runs, and so in every process on its own",
    "diehl-cook": "weights change while a batch runs, and so in every process on its own",
    "stdp-online": "weights change while a batch runs, and so in every process on its own",
    "kernel-proxy": "pairs are those of the samples that a process has",
}

#: With clipping and AdamW the size of a sum over the batch would not show.
PLAIN = {"optimizer": OptimizerChoice("sgd", 1e-3), "constraints": (), "clip": float("inf")}

#: With the chip's learning rate, six updates would change no whole-numbered weight.
OPTIONS = {"emstdp-loihi": {"optimizer": OptimizerChoice("integer-sgd", 16.0)}}

ROUNDING = {torch.float32: 1e-6, torch.float64: 1e-10}

#: Rules that make of a batch what another one does, but for numbers; they are tried among the slow tests.
ALIKE = {
    *("sdfa", "sign-symmetry", "dkp", "drtp", "sltt", "sltt-k", "ottt", "lls", "lls-mxm", "s-tllr", "hebbian-conv"),
    *("fw-dtp", "emstdp-loihi", "readout-only"),
    # As three-factor rules of other signals and traces; as others that change weights step by step
    *("three-factor", "e-prop", "ostl", "superspike", "tess", "local-classifier", "s-tllr-online"),
    *("mstdpet", "clopath", "urbanczik-senn", "vogels", "dopamine-stdp", "triplet-stdp"),
    # As align-ada; as pc and pc-incremental; as eqprop; as foldiak
    *("align-prop", "align-zero", "pc-kl", "pc-prospective", "pc-relaxed", "pc-spiking", "chl", "eqprop-spiking"),
    *("oja", "bcm"),
}

#: Epochs of the cases of bptt, which say that processes begin the second alike; what a rule does, one epoch tells.
EPOCHS = 2


@dataclass(frozen=True)
class Case:
    """A rule with its network, and the options of its training."""

    rule: RuleCase
    options: dict
    dtype: torch.dtype = torch.float64
    task: str = "classify"

    @property
    def epochs(self):
        return EPOCHS if self.rule.rule == "bptt" else 1


CASES = {
    f"{name}-{number}-{str(dtype)[6:]}": Case(case, OPTIONS.get(name, {}), dtype)
    for name, cases in RULES.items()
    for number, case in enumerate(cases)
    for dtype in ROUNDING
    if number == 0 and (dtype == torch.float64 or name == "bptt")
} | {
    "tssl-bp-sum": Case(RuleCase("tssl-bp"), PLAIN),
    "ide-dropout": Case(RuleCase("ide", {"dropout": 0.5}, {"batch_norm": False}), {}),
    "desire-dropout": Case(RuleCase("desire", {"margin": 2, "dropout_hidden": 0.5, "dropout_input": 0.2}), {}),
    "bptt-random": Case(RuleCase("bptt", settings={"neuron": "escape-noise-lif"}), {}),
    "bptt-regress": Case(RuleCase("bptt", {"loss": "mse"}), {}, task="regress"),
    "bptt-per-step": Case(RuleCase("bptt", {"loss": "cross-entropy-steps"}, {"readout": "step"}), {}, task="per-step"),
    "bptt-lengths": Case(RuleCase("bptt"), {}, task="lengths"),
}


class Vectors(ImageDataset):
    """Fifteen intensities of six pixels: batches of seven leave one sample, too few for two processes."""

    classes = 2
    shape = (1, 1, 6)

    def __init__(self):
        super().__init__("train")
        self.images = torch.rand(15, 6, generator=generator_for(7))
        self.targets = torch.arange(15) % 2


class Others(Vectors):
    """The same intensities with targets of another task, steps of another number, or both."""

    def __init__(self, task):
        super().__init__()
        drawn = generator_for(8)
        if task != "regress":
            self.lengths = torch.randint(3, 11, (15,), generator=drawn)
        if task == "regress":
            self.task, self.targets = Regress(), torch.rand(15, 2, generator=drawn, dtype=torch.float64)
        elif task == "per-step":
            self.task, self.targets = PerStep(), torch.randint(0, 2, (15, 10), generator=drawn)


def loader(task="classify"):
    data = Vectors() if task == "classify" else Others(task)
    return Loader(data, 10, 7, encoder=BernoulliRate(), seed=3, shuffle=True)


def training_for(case):
    network = case.rule.network(feedback=case.rule.feedback, gain=2.5)
    return Training.start(network.to(case.dtype), case.rule.make(), **case.options)
