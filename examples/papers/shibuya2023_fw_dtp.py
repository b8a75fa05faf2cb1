"""Fixed-weight difference target propagation, a rate network of depth 6 on MNIST, beside the learned way back.

Shibuya, Inoue, Kawakami & Sato, "Fixed-Weight Difference Target Propagation", AAAI 2023. Settings are those of the
example of the authors' program, which states no figure; the paper has FW-DTP above DTP.

    python examples/papers/shibuya2023_fw_dtp.py [epochs [fw-dtp | dtp]]  # SPIKELEARN_DATA names the folder of the data
"""

import sys

from spikelearn import Loader, Training, build, evaluate, fit
from spikelearn.datasets import MNIST
from spikelearn.loading import Direct
from spikelearn.network import INITIALISERS
from spikelearn.neurons import Rate
from spikelearn.neurons.activations import Linear, Standardised, Tanh
from spikelearn.plasticity import DTP, FWDTP, CrossEntropy, OptimizerChoice
from spikelearn.seeding import generator_for
from spikelearn.training import ConsoleDisplay


def main(epochs: int = 5, name: str = "fw-dtp") -> None:
    images = Direct(mean=0.1307, std=0.3081)
    train = Loader(MNIST("train"), n_steps=1, batch=256, encoder=images, shuffle=True)
    test = Loader(MNIST("test"), n_steps=1, batch=256, encoder=images)
    fixed = name == "fw-dtp"
    network = build(
        "784-256-256-256-256-256-10",
        lambda: Rate(Standardised(Tanh())),
        output=lambda: Rate(Standardised(Linear()) if fixed else Linear()),
        bias=False,
        init=INITIALISERS.make("orthogonal"),
        generator=generator_for(0, "weights"),
    )
    common = {"stepsize": 0.04, "difference": Standardised(Linear())}
    if fixed:
        rule = FWDTP(CrossEntropy(), bound=1e-3, **common)
    else:
        # The way back learns alone for five epochs at first, as in the program.
        rule = DTP(CrossEntropy(), bound=1e-2, feedback_lr=1e-3, noise=0.01, pretraining=5 * len(train), **common)
        epochs += 5
    training = Training.start(network, rule, optimizer=OptimizerChoice("sgd", 0.1))
    fit(training, train, epochs=epochs, watched=test, display=ConsoleDisplay())
    print(f"test accuracy {100 * evaluate(network, test).accuracy:.2f} %")


if __name__ == "__main__":
    main(*(kind(word) for kind, word in zip((int, str), sys.argv[1:], strict=False)))
