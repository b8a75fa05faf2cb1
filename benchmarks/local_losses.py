"""What local losses with fixed class vectors cost beside backpropagation: learning signals and memory of a step.

Every rule learns the same network of rates from the same batch. A step multiplies inputs by weights, errors by inputs
(the gradients of the weights, as many products as the forward pass, in every rule alike), and what is left carries the
learning signal: errors through weights in backpropagation, class vectors in LLS. Memory is what autograd saves, and the
most bytes that are alive at once beside weights and inputs, while an update is formed.

    python benchmarks/local_losses.py [--net small vgg8] [--rules bptt lls lls-m lls-mxm] [--batch 32] [--json FILE]
"""

import argparse
import json
from pathlib import Path

import torch

from spikelearn import network_for
from spikelearn.measure import forward_operations, learning_operations, payload_bytes
from spikelearn.plasticity import RULES, Batch, Rule

MIB = 2**20

#: {name: (network, shape of a sample, largest number of entries that a local loss reads)}, as the paper has them.
NETWORKS = {
    "small-mnist": ("32C3p-MP2-64C3p-MP2-128C3p-P4s3-512-10", (1, 28, 28), 512),
    "small": ("32C3p-MP2-64C3p-MP2-128C3p-P4-512-10", (3, 32, 32), 512),
    "vgg8": ("128C3p-256C3p-MP2-256C3p-256C3p-MP2-512C3p-MP2-512C3p-P2-1024-10", (3, 32, 32), 2048),
}
SETTINGS = {
    "neuron": "rate",
    "neuron_option": {"activation": "leaky-relu"},
    "output": "rate",
    "output_option": {"activation": "linear"},
    "batch_norm": True,
    "output_norm": False,
}


def rule_of(name: str, length: int) -> Rule:
    """A rule that descends the cross-entropy of the last layer, and local losses of such a length."""
    return RULES.make(name, {"loss": "cross-entropy", **({"length": length} if name.startswith("lls") else {})})


def measure(net: str, name: str, samples: int) -> dict[str, float]:
    """Products a sample of one step, forward and in all parts of learning, and MiB of one step."""
    string, shape, length = NETWORKS[net]
    rule = rule_of(name, length)
    network = network_for(rule, string, shape, **SETTINGS)
    memory = rule.init(network, torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    batch = Batch(torch.rand(1, samples, *shape), torch.arange(samples) % 10)
    few = batch.first(4)
    forward = forward_operations(network, few.inputs)
    learning = learning_operations(network, rule, few, memory, torch.Generator())
    assert forward.total is not None, forward.reason
    assert learning.total is not None, learning.reason
    kept = payload_bytes(network, rule, batch, memory, torch.Generator())
    return {
        "forward": forward.total.dense,
        "learning": learning.total.dense,
        "signal": learning.total.dense - forward.total.dense,
        "saved_mib": kept.saved / MIB,
        "live_mib": kept.live / MIB,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--net", nargs="+", choices=list(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--rules", nargs="+", default=["bptt", "lls", "lls-m", "lls-mxm"])
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    rows = []
    for net in given.net:
        first: dict[str, float] = {}
        for name in given.rules:
            row = measure(net, name, given.batch)
            first = first or row
            rows.append({"net": net, "rule": name, "batch": given.batch, **row})
            times = {key: first[key] / row[key] for key in ("signal", "learning", "saved_mib", "live_mib")}
            print(
                f"{net:12} {name:8} forward {row['forward'] / 1e6:7.2f}, learning {row['learning'] / 1e6:7.2f} "
                f"({times['learning']:.2f}x fewer), of these its signal {row['signal'] / 1e6:8.4f} million products a "
                f"sample ({times['signal']:.0f}x fewer); saved {row['saved_mib']:6.1f} MiB ({times['saved_mib']:.2f}x "
                f"less), alive {row['live_mib']:6.1f} MiB ({times['live_mib']:.2f}x less)",
                flush=True,
            )
    if given.json:
        given.json.write_text(json.dumps(rows, indent=1))


if __name__ == "__main__":
    main()
