"""The examples run, each for one epoch."""

import gzip
import importlib.util
import json
import re
import runpy
import struct
import sys
from pathlib import Path

import pytest
from safetensors.torch import load_file

import spikelearn
from benchmarks import depth_and_adapter, meta_plasticity
from spikelearn import DATASETS, NEURONS, RULES
from spikelearn.datasets import CIFAR10
from tests.conformance import tiny
from tests.in_this_process import trials_in_this_process

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def one_epoch(monkeypatch, tmp_path):
    whole = spikelearn.fit
    monkeypatch.setattr(spikelearn, "fit", lambda *a, **options: whole(*a, **{**options, "epochs": 1}))
    monkeypatch.chdir(tmp_path)
    for registry in (DATASETS, NEURONS, RULES):
        own = {name: kind for name, kind in registry._components.items() if kind.__module__.startswith("spikelearn.")}
        monkeypatch.setattr(registry, "_components", own)


@pytest.mark.parametrize("name", ["quickstart", "extend/neuron", "extend/rule", "extend/dataset"])
def test_example(name, one_epoch, capsys):
    runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
    assert "test accuracy" in capsys.readouterr().out


def test_kernel_layers(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["kernel_layers.py", "4", "1"])
    runpy.run_path(str(EXAMPLES / "kernel_layers.py"), run_name="__main__")
    machine, layers = re.findall(r": (\d+\.\d+) %", capsys.readouterr().out)
    assert float(machine) > 98.0
    assert float(layers) > 90.0


@pytest.fixture
def tiny_images(monkeypatch, tmp_path):
    """A data root with twenty images of each set, and a few recordings, in the published format."""
    count = 20
    pixels = bytes((7 * i + i // 784) % 256 for i in range(count * 28 * 28))
    images = struct.pack(">IIII", 2051, count, 28, 28) + pixels
    labels = struct.pack(">II", 2049, count) + bytes(i % 10 for i in range(count))
    for name in ("mnist", "fashion-mnist"):
        (tmp_path / name).mkdir()
        for split in ("train", "t10k"):
            (tmp_path / name / f"{split}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
            (tmp_path / name / f"{split}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(labels))
    tiny.nmnist(tmp_path)
    tiny.cifar10(tmp_path)
    monkeypatch.setattr(CIFAR10, "per_file", tiny.SAMPLES)
    monkeypatch.setenv("SPIKELEARN_DATA", str(tmp_path))


#: Papers whose recordings have some hundred steps, whose values settle anew for every update, or whose neurons fire much
#: where no pixel is dark.
LONG = (
    "apolinario2025_s_tllr",
    "camp2020_deep_artificial_neurons",
    "kaiser2020_decolle",
    "pinchetti2022_transformer",
    "pinchetti2022_vae",
    "wunderlich2021_eventprop",
)
PAPERS = [
    pytest.param(path.stem, marks=pytest.mark.slow if path.stem in LONG else ())
    for path in sorted((EXAMPLES / "papers").glob("*.py"))
]


@pytest.mark.parametrize("name", PAPERS)
def test_paper(name, tiny_images, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "1"])
    runpy.run_path(str(EXAMPLES / "papers" / f"{name}.py"), run_name="__main__")
    assert re.search("test accuracy|mean squared error|van Rossum distance|perplexity", capsys.readouterr().out)


def test_autoencoder_latents(tiny_images, monkeypatch, capsys):
    words = "--rules pal fa bptt untrained --seeds 0 1 --images 20 --epochs 1"
    monkeypatch.setattr(sys, "argv", ["autoencoder_latents.py", *words.split()])
    runpy.run_path(str(EXAMPLES / "autoencoder_latents.py"), run_name="__main__")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in lines] == [
        [rule, what] for rule in ("pal", "fa", "bptt", "untrained") for what in ("error", "probe")
    ]
    errors = [float(line.split()[2]) for line in lines[::2]]
    assert max(errors[:3]) < errors[3]  # all learn


def test_depth_and_adapter(tiny_images, monkeypatch, tmp_path, capsys):
    out = tmp_path / "out"
    monkeypatch.setattr(depth_and_adapter, "DEPTHS", (1, 4))
    monkeypatch.setattr(depth_and_adapter, "WHOLE", 4)
    monkeypatch.setitem(depth_and_adapter.COMMON, "epochs", 1)
    monkeypatch.setattr(sys, "argv", ["depth_and_adapter", "--seeds", "0", "--share", "1", "--out", str(out)])
    depth_and_adapter.main()
    first = capsys.readouterr().out
    assert len(re.findall(r" ± 0\.00 %", first)) == 2 * 2 + 3
    assert (out / "depth-and-adapter.png").is_file()
    base, kept = (load_file(out / name / "weights.safetensors") for name in ("bptt-4-0", "adapter-tp-sgd-0"))
    stay = {name: tensor.equal(kept[name]) for name, tensor in base.items() if name.endswith("weight")}
    assert [name for name, same in stay.items() if same] == [
        name for name in stay if "conv4" not in name and "fc" not in name
    ]
    monkeypatch.setattr(depth_and_adapter, "train", None)  # what has ended is read
    depth_and_adapter.main()
    assert capsys.readouterr().out == first
    monkeypatch.setattr(sys, "argv", ["depth_and_adapter", "--seeds", "0", "--share", "0.5", "--out", str(out)])
    with pytest.raises(SystemExit, match="holds a training with other settings"):
        depth_and_adapter.main()


def test_meta_plasticity_on_held_out_classes(tiny_images, monkeypatch, tmp_path, capsys):
    out = tmp_path / "found.json"
    words = f"--net 784-12-20 --episodes 2 --tested 2 --shots 1 --queries 1 --outer-lr 0.01 --out {out}"
    monkeypatch.setattr(sys, "argv", ["meta_plasticity", *words.split()])
    meta_plasticity.main()
    assert "learned terms above feedback alignment by" in capsys.readouterr().out
    found = json.loads(out.read_text("utf-8"))
    terms, alignment = (found[arm]["coefficients"] for arm in ("learned terms", "feedback alignment"))
    assert (alignment["ehebb"], alignment["oja"]) == (0.0, 0.0)
    assert all(terms.values())
    assert terms["pseudo-gradient"] != alignment["pseudo-gradient"] != meta_plasticity.FIRST
    _, learned, held = meta_plasticity.images()
    assert (len(learned), len(held), {*learned, *held}) == (12, 8, set(range(20)))


def test_demo(monkeypatch, tmp_path, capsys):
    pytest.importorskip("snntorch")
    pytest.importorskip("norse")
    spec = importlib.util.spec_from_file_location("demo", EXAMPLES / "demo.py")
    demo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(demo)
    common = {**demo.PLAN.common, "epochs": 1, "data_fraction": 0.3, "lr": 1e-2}
    small = {"rules": ("bptt", "readout-only"), "seeds": (0,), "common": common}
    monkeypatch.setattr(demo, "PLAN", demo.PLAN.model_copy(update=small))
    monkeypatch.chdir(tmp_path)
    with trials_in_this_process():
        assert demo.main() == 0
    words = capsys.readouterr().out
    assert "readout-only" in words
    assert words.count("0 of ") == 4
    assert (tmp_path / "demo" / "report.html").exists()
    assert list((tmp_path / "demo" / "trials").glob("digits-events-bptt-0-*/pictures/raster.png"))
