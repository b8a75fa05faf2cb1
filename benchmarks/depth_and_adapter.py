"""Layers with targets of their own in deep networks: by number of blocks, and as an adapter behind layers that stay.

Networks of rates in the manner of VGG learn MNIST by ``tp-sgd`` and by backpropagation, with one to six blocks of a
convolution of 3 x 3 each. Then a network that learned MNIST by backpropagation meets Fashion-MNIST: its first three
blocks stay, and what is behind them learns anew by each rule; ``readout-only`` learns the last layer alone.

    python -m benchmarks.depth_and_adapter [--seeds 0 1 2] [--share 0.05] [--out FOLDER]

What has ended lies in FOLDER and is not run again; ``depth-and-adapter.png`` is drawn there.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from matplotlib.figure import Figure

from spikelearn.draw.style import COLOURS, clean, save
from spikelearn.runs import settings_from, train
from spikelearn.runs.settings_files import read_whole_settings
from spikelearn.training import RunFolder

#: Blocks of a convolution each, and the pools behind them.
BLOCKS = ("8C3p-MP2", "16C3p", "16C3p-MP2", "32C3p", "32C3p", "32C3p")
DEPTHS = range(1, len(BLOCKS) + 1)

#: Blocks of the adapter's network, and those that stay as MNIST left them.
WHOLE, STAY = 6, ("conv1", "conv2", "conv3")
EPOCHS = 4

#: {rule: (its options, learning rate of Adam)}; the better of 0.003 and 0.01 (bptt) and of 0.001 and 0.003 (tp-sgd) on
#: images that were held out, with four blocks, a seed of its own and three epochs; the gain and readout-only as in the
#: claim tp-sgd-conv.
ARMS: dict[str, tuple[dict[str, Any], float]] = {
    "bptt": ({}, 0.01),
    "tp-sgd": ({"gain": 10.0}, 0.003),
    "readout-only": ({}, 0.03),
}
COMMON = {
    "steps": 1,
    "encoder": "direct",
    "batch": 64,
    "epochs": EPOCHS,
    "validation": 0.0,
    "test_curve": False,
    "neuron": "rate",
    "neuron_option": {"activation": "tanh"},
    "output": "rate",
    "output_option": {"activation": "linear"},
    "optimizer": "adam",
    "threads": 1,
}

Rows = dict[str, dict[str, list[float]]]


def net_of(blocks: int) -> str:
    """So many blocks, a last pool to 3 x 3, and the output."""
    pools = sum("MP2" in block for block in BLOCKS[:blocks])
    return "-".join([*BLOCKS[:blocks], f"P{2 ** (3 - pools)}", "10"])


def trained(folder: Path, rule: str, net: str, seed: int, share: float, **own: Any) -> tuple[float, Path]:
    """Test accuracy in percent of one training, and where it lies; what has ended is read."""
    options, lr = ARMS[rule]
    values = {"rule": rule, "net": net, "seed": seed, "data": "mnist", "data_fraction": share, "lr": lr}
    settings = settings_from({**COMMON, **values, **own, "rule_option": {"loss": "cross-entropy", **options}})
    result, before = folder / "result.json", folder / "settings.toml"
    if before.is_file() and read_whole_settings(before) != settings:
        raise SystemExit(f"{folder} holds a training with other settings: give another folder (--out), or delete it")
    if not result.is_file():
        train(settings, RunFolder(folder), resume=before.is_file())
    return 100.0 * json.loads(result.read_text())["test_accuracy"], folder


def by_depth(out: Path, seeds: list[int], share: float) -> Rows:
    """{rule: {number of blocks: accuracy of each seed}}."""
    return {
        rule: {
            str(depth): [trained(out / f"{rule}-{depth}-{seed}", rule, net_of(depth), seed, share)[0] for seed in seeds]
            for depth in DEPTHS
        }
        for rule in ("bptt", "tp-sgd")
    }


def adapters(out: Path, seeds: list[int], share: float) -> Rows:
    """{rule: {"fashion-mnist": accuracy of each seed}} of what learns behind the blocks that stay."""
    found: Rows = {rule: {"fashion-mnist": []} for rule in ARMS}
    for seed in seeds:
        _, base = trained(out / f"bptt-{WHOLE}-{seed}", "bptt", net_of(WHOLE), seed, share)
        for rule, places in found.items():
            own = {"data": "fashion-mnist", "weights": str(base), "freeze": list(STAY)}
            folder = out / f"adapter-{rule}-{seed}"
            places["fashion-mnist"].append(trained(folder, rule, net_of(WHOLE), seed, share, **own)[0])
    return found


def drawn(depth: Rows, adapter: Rows) -> Figure:
    """Accuracy by depth, and of the adapters."""
    figure = Figure(figsize=(8.0, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=(3, 2))
    for colour, (rule, places) in zip(COLOURS, depth.items(), strict=False):
        means, spreads = zip(*(statistics(values) for values in places.values()), strict=True)
        left.errorbar([int(place) for place in places], means, spreads, color=colour, marker="o", capsize=3, label=rule)
    left.set(xlabel="blocks of a convolution", ylabel="test accuracy, %", title="MNIST, by depth")
    left.legend(frameon=False)
    for number, places in enumerate(adapter.values()):
        value, spread = statistics(places["fashion-mnist"])
        right.errorbar([number], [value], [spread], color=COLOURS[number], marker="o", capsize=3)
    right.set(title="Adapters, Fashion-MNIST", xlim=(-0.5, len(adapter) - 0.5))
    right.set_xticks(range(len(adapter)), list(adapter))
    for axes in (left, right):
        clean(axes)
    return figure


def statistics(values: list[float]) -> tuple[float, float]:
    """Mean and standard deviation, which is 0 of one value."""
    return mean(values), stdev(values) if len(values) > 1 else 0.0


def said(rows: Mapping[str, Mapping[str, list[float]]]) -> None:
    """Print a line for each rule and place."""
    for rule, places in rows.items():
        for place, values in places.items():
            value, spread = statistics(values)
            print(f"{rule:12} {place:>13} {value:6.2f} ± {spread:.2f} %", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--share", type=float, default=0.05, help="of the training images of each set")
    parser.add_argument("--out", type=Path, default=Path("depth-and-adapter"))
    given = parser.parse_args()
    depth = by_depth(given.out, given.seeds, given.share)
    said(depth)
    adapter = adapters(given.out, given.seeds, given.share)
    said(adapter)
    print(f"picture {save(drawn(depth, adapter), given.out / 'depth-and-adapter.png')}")


if __name__ == "__main__":
    main()
