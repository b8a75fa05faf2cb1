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
    images: bool = False
    noise: tuple[str, ...] = ()
    rounds: int | None = None

    def ours(self) -> Ours:
        """Our training of it."""
        return Ours(self.preset, self.batch, self.options, double=self.double, images=self.images)


#: Places of the programs, as the messages name them: {option: repository}.
PROGRAMS = {
    "tssl-bp": "stonezwr/TSSL-BP",
    "ide": "pkuxmq/IDE-FSNN",
    "desire": "DanielGerlinghoff/desire-backpropagation",
    "torch2pc": "RobertRosenbaum/Torch2PC",
    "emstdp": "zmeidd/EMSTDP",
}

PC = {
    "net": "784-300-300-10",
    "neuron_option": {"activation": "tanh"},
    "rule_option": {"nudging": 1 / 128},
    "batch": 128,
}
STILL = {"rule_option": {"dropout": 0.0}}

CASES = (
    Case("tssl-bp", "784-400-400-10, T 5, Fashion-MNIST", "tssl-bp/fashion-mnist-mlp"),
    Case("tssl-bp", "15C5-P2-40C5-P2-300-10, T 5, MNIST", "tssl-bp/mnist"),
    Case("ide", "784-400(F400)-10, T 5, Fashion-MNIST", "ide/fashion-mnist", options=STILL,
         noise=("blocks.fc1.synapse.1.bias",)),
    Case("ide", "64C5s2(F64C5)-10, T 30, MNIST", "ide/mnist", options=STILL,
         noise=("blocks.conv1.synapse.0.bias",), rounds=3),
    Case("desire", "784-1600-800-10, T 20, MNIST", "desire/mnist", options={"rule_option": {"dropout_hidden": 0.0}},
         images=True, rounds=7),
    Case("desire", "784-1600-800-10, T 20, MNIST", "desire/mnist", 50, {"rule_option": {"dropout_hidden": 0.0}},
         images=True, rounds=1),
    Case("torch2pc", "784-300-300-10, tanh, 20 iterations, MNIST", "pc/mnist", options=PC),
    Case("emstdp", "784-100-10, 2 x 49 steps, MNIST", "emstdp/mnist", compared="changes", double=True, rounds=7),
)  # fmt: skip
