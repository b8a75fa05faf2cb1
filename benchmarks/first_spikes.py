"""What STDP of first spikes adds to random kernels: a run's weights are drawn, and its control is tested.

    python -m benchmarks.first_spikes RUN [--thresholds 1 2 4] [--uniform] [--net NET] [--fraction F] [--picture FILE]

The control is the run's network with the weights that it began with, whose readout is fitted to the same images and
tested on the same ones, at multiples of the run's threshold, and for ``--net`` with other factors of layers: random
kernels have larger sums than learned ones. ``--uniform`` draws its weights evenly between 0 and 1 instead. The picture
shows the kernels of the first layer, on-centre inputs bright and off-centre ones dark, and what those of the second are
made of: first kernels, weighted.
"""

import argparse
import json
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from matplotlib import colormaps
from matplotlib.figure import Figure
from torch import Tensor

from spikelearn.draw.style import save
from spikelearn.measure.evaluation import evaluate
from spikelearn.network import Network
from spikelearn.runs.settings import Settings
from spikelearn.runs.settings_files import read_settings, settings_from
from spikelearn.runs.start import make_loaders
from spikelearn.runs.weights import trained_network
from spikelearn.synapses import front_and_weights
from spikelearn.training.fit_readout import fit_readout
from spikelearn.training.folder import RunFolder

#: Images that are shown together, which changes no prediction.
TOGETHER = 50


def control(settings: Settings, factor: float, uniform: bool) -> dict[str, float]:
    """Accuracy of the network of ``settings`` with weights as they are drawn and ``factor`` times its threshold."""
    threshold = factor * float(settings.neuron_option["v_threshold"])
    options = {**settings.neuron_option, "v_threshold": threshold}
    settings = settings.model_copy(update={"batch": TOGETHER, "neuron_option": options})
    network, loaders, cpu = settings.make_network(), make_loaders(settings), time.process_time()
    if uniform:
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.uniform_(0.0, 1.0, generator=torch.Generator().manual_seed(settings.seed))
    shown = fit_readout(network, loaders["train"])
    found = evaluate(network, loaders["test"])
    return {
        "threshold": threshold,
        "accuracy": found.accuracy,
        "fitted_to": shown,
        "tested": loaders["test"].samples,
        "cpu_seconds": time.process_time() - cpu,
    }


def kernels_of(network: Network) -> list[Tensor]:
    """[n, 2, h, w] of every convolution; those behind the first as sums of the kernels below, by their weights."""
    found: list[Tensor] = []
    below: Tensor | None = None
    for block in network.blocks.values():
        parts = front_and_weights(block.synapse)
        assert parts is not None
        front, module = parts
        weight = module.weight
        assert isinstance(weight, Tensor)
        weight = weight.detach()
        if below is not None:
            strides = [part.stride for part in front if isinstance(part, torch.nn.MaxPool2d)]
            assert all(isinstance(stride, int) for stride in strides)
            stride = strides[0] if strides else 1
            weight = F.conv_transpose2d(weight, below, stride=stride)
        found.append(weight)
        below = weight
    return found


def draw(network: Network, path: Path) -> None:
    """All kernels, on-centre less off-centre inputs, layer under layer."""
    layers = kernels_of(network)
    rows = [-(-len(kernels) // 20) for kernels in layers]
    figure = Figure(figsize=(8.0, 0.4 * sum(rows) + 0.7), layout="constrained")
    axes = figure.subplots(len(layers), 1, height_ratios=rows, squeeze=False)[:, 0]
    for number, (kernels, count, own) in enumerate(zip(layers, rows, axes, strict=True), start=1):
        shown = F.pad(kernels[:, 0] - kernels[:, 1], (0, 1, 0, 1), value=float("nan"))
        shown = shown / kernels.amax((1, 2, 3)).clamp(min=1e-12).view(-1, 1, 1)
        height, width = shown.shape[1:]
        whole = torch.full((count * 20, height, width), float("nan"))
        whole[: len(shown)] = shown
        tiles = whole.view(count, 20, height, width).transpose(1, 2).reshape(count * height, 20 * width)
        own.imshow(tiles, cmap=colormaps["gray"].with_extremes(bad="tab:blue"), vmin=-1.0, vmax=1.0)
        own.set_title(f"layer {number}: {len(kernels)} kernels", fontsize=9)
        own.axis("off")
    save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--thresholds", type=float, nargs="*", default=[])
    parser.add_argument("--uniform", action="store_true")
    parser.add_argument("--fraction", type=float, help="share of the training images; that of the run if left out")
    parser.add_argument("--net", help="of the control; that of the run if left out")
    parser.add_argument("--picture", type=Path)
    given = parser.parse_args()
    folder = RunFolder(given.run)
    settings = settings_from(read_settings(given.run / "settings.toml"))
    if given.picture is not None:
        draw(trained_network(folder, settings), given.picture)
    if given.fraction is not None:
        settings = settings.model_copy(update={"data_fraction": given.fraction})
    if given.net is not None:
        settings = settings.model_copy(update={"net": given.net})
    for factor in given.thresholds:
        print(
            json.dumps({"net": settings.net, "uniform": given.uniform, **control(settings, factor, given.uniform)}),
            flush=True,
        )


if __name__ == "__main__":
    main()
