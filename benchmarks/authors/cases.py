"""Which program is compared on which network."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from benchmarks.authors.ours import Ours


@dataclass(frozen=True)
class Case:
    """A network and a batch of a program.

    Args:
        program: its option, and its driver's name.
        about: network and data.
        preset: our recipe of it.
        batch: samples; None: as the recipe has it.
        options: settings in place of the recipe's.
        compared: the rule's gradients, or the changes of the weights by one step.
        tolerance: largest difference, as a share of the largest value of the same tensor.
        double: both in double precision, as the program is.
        exactly: compared in double precision and timed in single: where potentials come close to a threshold, the
            order of a sum in single precision decides on a spike, and one spike changes a gradient.
        images: whether the program also gets the images behind the spikes.
        noise: parameters that are not compared: biases in front of batch norm, whose gradient is rounding around 0.
        rounds: in place of those asked for, where a step is long.
    """

    program: str
    about: str
    preset: str
    batch: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    compared: Literal["gradients", "changes"] = "gradients"
    tolerance: float = 1e-4
    double: bool = False
    exactly: bool = False
    images: bool = False
    noise: tuple[str, ...] = ()
    rounds: int | None = None

    def ours(self, *, double: bool) -> Ours:
        """Our training of it, in double precision or in single."""
        return Ours(self.preset, self.batch, self.options, double=double, images=self.images)


#: Places of the programs, as the messages name them: {option: repository}.
PROGRAMS = {
    "tssl-bp": "stonezwr/TSSL-BP",
    "ide": "pkuxmq/IDE-FSNN",
    "desire": "DanielGerlinghoff/desire-backpropagation",
    "torch2pc": "RobertRosenbaum/Torch2PC",
    "jpc": "thebuckleylab/jpc",
    "emstdp": "zmeidd/EMSTDP",
    "eqprop": "Laborieux-Axel/Equilibrium-Propagation",
    "fw-dtp": "TatsukichiShibuya/Fixed-Weight-Difference-Target-Propagation",
    "softhebb": "NeuromorphicComputing/SoftHebb",
}

PC = {
    "net": "784-300-300-10",
    "neuron_option": {"activation": "tanh"},
    "rule_option": {"nudging": 1 / 128},
    "batch": 128,
}
#: jpc moves the values 20 times and then looks once more; its weights meet the errors of that look.
LOOKED = PC | {"rule_option": {"nudging": 1.0, "presynaptic": "same", "iterations": 21}}
#: Without dropout.
STILL = {"rule_option": {"dropout": 0.0}}
WITHOUT_DROPOUT = {"rule_option": {"dropout_hidden": 0.0}}

CASES = (
    Case("tssl-bp", "784-400-400-10, T 5, Fashion-MNIST", "tssl-bp/fashion-mnist-mlp"),
    Case("tssl-bp", "15C5-P2-40C5-P2-300-10, T 5, MNIST", "tssl-bp/mnist"),
    Case(
        "ide",
        "784-400(F400)-10, T 5, Fashion-MNIST",
        "ide/fashion-mnist",
        options=STILL,
        noise=("blocks.fc1.synapse.1.bias",),
        exactly=True,
    ),
    Case(
        "ide",
        "64C5s2(F64C5)-10, T 30, MNIST",
        "ide/mnist",
        8,
        STILL,
        noise=("blocks.conv1.synapse.0.bias",),
        exactly=True,
        rounds=5,
    ),
    Case("desire", "784-1600-800-10, T 20, MNIST", "desire/mnist", options=WITHOUT_DROPOUT, images=True, rounds=7),
    Case("torch2pc", "784-300-300-10, tanh, 20 iterations, MNIST", "pc/mnist", options=PC),
    Case("emstdp", "784-100-10, 2 x 49 steps, MNIST", "emstdp/mnist", compared="changes", double=True, rounds=7),
    Case("jpc", "784-300-300-10, tanh, 20 iterations, MNIST", "pc/mnist", options=LOOKED),
    Case("eqprop", "784-512-10, 30 + 2 x 10 steps, MNIST", "eqprop/mnist"),
    Case("fw-dtp", "784-5x256-10, batch statistics, MNIST", "fw-dtp/mnist"),
    Case("softhebb", "784-2000, MNIST", "softhebb/mnist", compared="changes"),
)
