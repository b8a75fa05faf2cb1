"""What desire backpropagation costs beside backpropagation in an ordinary network of the same layers.

The ordinary network has ReLU and no biases: W x in every layer, errors through the weights of all layers but the
first, and in every layer the products of errors and inputs, all of real numbers and so multiply-accumulates. The
products of the spiking network, without dropout, are counted as they fall in the rule's own run: accumulates where one
factor is a spike, a desire or another number that is -1, 0 or 1. "dense" are all products, the others those of two
numbers that are not 0. Images of MNIST, weights behind as many images of training as are wished.

    python -m benchmarks.desire_operations [--net 784-1600-800-10] [--samples 16] [--train 500] [--json FILE]
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from spikelearn.measure import forward_operations, learning_operations
from spikelearn.measure.operations import Count
from spikelearn.plasticity import Batch
from spikelearn.runs import merged, needs_of, prepare, settings_from
from spikelearn.training import Training, learn

#: The network of ReLU, and the rule's published setting.
ORDINARY = {
    "rule": "bptt",
    "rule_option": {"loss": "cross-entropy"},
    "neuron": "rate",
    "neuron_option": {"activation": "relu"},
    "output": "rate",
    "output_option": {"activation": "linear"},
    "init": "kaiming",
    "bias": False,
    "encoder": "direct",
    "steps": 1,
    "lr": 1e-3,
}
DESIRE = {"rule": "desire", "steps": 20, "bias": False}


def ordinary_products(sizes: Sequence[int]) -> dict[str, float]:
    r"""All products of a sample in the ordinary network: forward F, and errors E and gradients G of its learning.

    $$F = G = \sum_{l=1}^{L} n_{l-1} n_l, \qquad E = \sum_{l=2}^{L} n_{l-1} n_l$$

    Args:
        sizes: $n_0$ to $n_L$.
    """
    products = [float(below * above) for below, above in zip(sizes, sizes[1:], strict=False)]
    return {"forward": sum(products), "learning": sum(products) + sum(products[1:])}


def counted(training: Training, batch: Batch) -> dict[str, Count]:
    """Operations of a sample: forward, and in learning."""
    network, rule = training.network, training.rule
    forward = forward_operations(network, batch.inputs)
    learning = learning_operations(network, rule, batch, training.memory, training.generator)
    assert forward.total is not None, forward.reason
    assert learning.total is not None, learning.reason
    return {"forward": forward.total, "learning": learning.total}


def trained(values: dict[str, Any], net: str, data: str, images: int, samples: int) -> tuple[Training, Batch]:
    """A training behind so many images, and a batch of others."""
    needs = needs_of(values["rule"], data, values.get("rule_option"))
    given = {"net": net, "data": data, "batch": 1 if values["rule"] == "desire" else 16, "validation": 0.0}
    training, loaders = prepare(settings_from(merged(merged(needs, values), given)))
    if images:
        loader, seen = loaders["train"], 0
        for batch in loader.epoch():
            learn(training, Batch.of(batch, loader.task))
            seen += len(batch.targets)
            if seen >= images:
                break
    test = loaders["test"]
    return training, Batch.of(test.load(test.indices[:samples]), test.task)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", default="784-1600-800-10")
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--samples", type=int, default=16)
    parser.add_argument("--train", type=int, default=500)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows: dict[str, dict[str, Count]] = {}
    for name, values in (("ordinary", ORDINARY), ("desire", DESIRE)):
        rows[name] = counted(*trained(values, given.net, given.data, given.train, given.samples))
        for part, count in rows[name].items():
            print(
                f"{name:9} {part:9} accumulates {count.acs / 1e3:10.1f}, "
                f"multiply-accumulates {count.macs / 1e3:10.1f}, dense {count.dense / 1e3:10.1f} thousand a sample",
                flush=True,
            )
    for part in ("forward", "learning"):
        ours, theirs = rows["desire"][part], rows["ordinary"][part]
        print(
            f"{part}: multiplications {ours.macs / theirs.macs:.3f} times, additions and multiply-accumulates together "
            f"{(ours.acs + ours.macs) / theirs.macs:.2f} times those of the ordinary network"
        )
    if given.json:
        told = {name: {part: asdict(count) for part, count in parts.items()} for name, parts in rows.items()}
        given.json.write_text(json.dumps(told, indent=1))


if __name__ == "__main__":
    main()
