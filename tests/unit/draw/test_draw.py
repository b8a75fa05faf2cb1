"""Pictures in Python: of every shape of input, from records, networks and numbers."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

from spikelearn import LIF, ArrayDataset, Block, Loader, Network, build, draw, evaluate
from spikelearn.neurons import AdaptiveLIF
from spikelearn.plasticity import Batch
from spikelearn.report import draw_pictures
from spikelearn.training import RunFolder
from spikelearn.training.recording import record_samples


def drawn(figure, tmp_path):
    """The figure, when it could be written as PNG without a warning."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        path = draw.save(figure, tmp_path / "picture.png")
    assert path.read_bytes().startswith(b"\x89PNG")
    return figure


@pytest.fixture(scope="module")
def ran():
    torch.manual_seed(0)
    network = build("64-20-10", input_shape=(1, 8, 8))
    inputs = (torch.rand(12, 3, 1, 8, 8) < 0.4).float()
    return network, inputs, network.run(inputs)[0]


def test_raster_shows_every_spike_and_the_input(ran, tmp_path):
    _, inputs, record = ran
    axes = drawn(draw.raster(record, inputs, sample=1, title="one"), tmp_path).axes
    assert [axis.get_ylabel().split("\n")[0] for axis in axes] == ["input", "fc1", "fc2"]
    counts = [len(axis.collections[0].get_offsets()) for axis in axes]
    assert counts == [int(x[:, 1].sum()) for x in (inputs, record["fc1"].spikes, record["fc2"].spikes)]
    assert axes[-1].get_xlabel() == "time step"
    assert "2 ms a step" in draw.raster(record, dt=2e-3).axes[-1].get_xlabel()
    assert draw.raster(record, 0.3 * inputs).axes[0].images, "currents are an image"


@pytest.mark.parametrize("change", [torch.Tensor.bool, torch.Tensor.byte, torch.Tensor.bfloat16, torch.Tensor.numpy])
def test_raster_of_any_type(ran, change, tmp_path):
    _, inputs, record = ran
    spikes = record["fc1"].spikes.detach()
    figure = drawn(draw.raster({"a": type(record["fc1"])(None, change(spikes), None)}, change(inputs)), tmp_path)
    dots = [axis.collections[0].get_offsets() for axis in figure.axes]
    for found, values in zip(dots, (inputs[:, 0].flatten(1), spikes[:, 0]), strict=True):
        assert found.tolist() == values.nonzero().tolist(), "a dot at the step and the neuron of every spike"


def test_membranes_know_thresholds_and_dt_from_the_network(ran, tmp_path):
    network, _, record = ran
    figure = drawn(draw.membranes(record, thresholds=network, sample=2), tmp_path)
    assert "1 ms a step" in figure.axes[-1].get_xlabel()
    lines = [len(axis.lines) for axis in figure.axes]
    assert lines == [11, 11], "five traces, their spikes, and the threshold"
    assert [len(axis.lines) for axis in draw.membranes(record, traces=2).axes] == [4, 4]


@pytest.mark.parametrize(
    ("weights", "shape", "images"),
    [
        ((7, 12), None, 1),
        ((7, 12), (12,), 1),
        ((7, 12), (3, 4), 7),
        ((7, 12), (1, 3, 4), 7),
        ((7, 24), (2, 3, 4), 7),
        ((7, 36), (3, 3, 4), 7),
        ((7, 12), (12, 1, 1), 1),
        ((7, 12), (5, 5), 1),
        ((70, 12), (3, 4), 64),
        ((1, 1), None, 1),
        ((5, 2, 3), None, 5),
        ((5, 1, 3, 3), None, 5),
        ((5, 3, 3, 3), None, 5),
        ((5, 6, 3, 3), None, 5),
        ((5, 1, 2, 3, 3), None, 5),
    ],
)
def test_weights_of_every_shape(weights, shape, images, tmp_path):
    values = torch.randn(*weights)
    figure = drawn(draw.weights({"blocks.fc1.synapse.weight": values}, shape=shape), tmp_path)
    assert sum(bool(axis.images) for axis in figure.axes if axis.get_label() != "<colorbar>") == images


def test_a_matrix_has_a_row_a_neuron_and_zero_in_white():
    values = torch.randn(7, 12)
    axis = draw.weights({"blocks.a.synapse.weight": values}).axes[0]
    np.testing.assert_allclose(axis.images[0].get_array(), values.numpy(), rtol=1e-6)
    assert axis.images[0].norm.vmin == -axis.images[0].norm.vmax


def test_two_polarities_are_a_difference_and_the_network_knows_its_shape():
    network = build("24-5-2", input_shape=(2, 3, 4))
    weight = next(p for name, p in network.named_parameters() if name.endswith("weight")).detach()
    images = [axis.images[0].get_array() for axis in draw.weights(network).axes if axis.images][:5]
    one = weight.view(5, 2, 3, 4)
    np.testing.assert_allclose(images[2], (one[2, 1] - one[2, 0]).numpy(), rtol=1e-6)
    assert draw.weights(network, "fc2").axes[0].get_title().startswith("fc2: weights of 2 neurons from 5 inputs")


@pytest.mark.parametrize(
    ("values", "limit"),
    [(torch.zeros(4, 5), 1.0), (torch.full((4, 5), float("nan")), 1.0), (torch.eye(4)[:, :3] * 1e-9, 1e-9)],
    ids=["silent", "nan", "tiny"],
)
def test_silent_nan_and_tiny_weights_are_drawn(values, limit, tmp_path):
    image = drawn(draw.weights({"blocks.a.synapse.weight": values}), tmp_path).axes[0].images[0]
    np.testing.assert_array_equal(image.get_array(), values.nan_to_num().double().numpy())
    assert image.norm.vmax == pytest.approx(limit)


def test_confusion_counts(tmp_path):
    figure = drawn(draw.confusion(torch.tensor([0, 0, 1, 2]), torch.tensor([0, 1, 1, 1])), tmp_path)
    written = {(int(t.get_position()[1]), int(t.get_position()[0])): t.get_text() for t in figure.axes[0].texts}
    assert written == {(0, 0): "1", (0, 1): "1", (1, 1): "1", (2, 1): "1"}
    assert figure.axes[0].get_title() == "50.00 % of 4 samples"
    scores = torch.tensor([[0.1, 0.9, 0.0], [0.5, 0.2, 0.1]])
    assert draw.confusion([1, 1], scores).axes[0].images[0].get_array().shape == (3, 3)


def test_confusion_of_an_evaluation(tmp_path):
    data = ArrayDataset(torch.rand(9, 5, 6), torch.arange(9) % 3, sequence=True)
    network = build("6-3", input_shape=(6,))
    found = evaluate(network, Loader(data, 5, 4))
    axis = drawn(draw.confusion(found.confusion), tmp_path).axes[0]
    assert axis.get_title() == f"{100 * found.accuracy:.2f} % of 9 samples"
    assert sum(int(text.get_text()) for text in axis.texts) == 9


def test_curves_of_a_rule_that_measures_nothing(tmp_path):
    measured, loss, rates = drawn(
        draw.curves([{"epoch": 1, "accuracy": 0.5, "rates": {}, "loss": None}], 0.4), tmp_path
    ).axes
    assert [line.get_ydata()[0] for line in measured.lines] == [50.0, 40.0]
    assert [text.get_text() for axis in (loss, rates) for text in axis.texts] == [
        "this rule descends no loss",
        "this rule measures no rates",
    ]


@pytest.mark.parametrize(
    ("draws", "expected"),
    [
        (lambda n, x, r: draw.raster(x), "record holds no activity"),
        (lambda n, x, r: draw.raster({}), "record holds no activity"),
        (lambda n, x, r: draw.raster(r, sample=3), "sample is 3, expected 0 to 2"),
        (lambda n, x, r: draw.raster(r, sample=-1), "sample is -1"),
        (lambda n, x, r: draw.raster(r, dt=0.0), "dt is 0.0"),
        (lambda n, x, r: draw.raster(r, torch.ones(3)), r"inputs has shape \[3\], expected \[T, B"),
        (lambda n, x, r: draw.membranes(r, traces=0), "traces is 0"),
        (lambda n, x, r: draw.weights(n, "fc9"), "block 'fc9' has no dense .* expected one of fc1, fc2"),
        (lambda n, x, r: draw.weights({}), "expected one of none"),
        (lambda n, x, r: draw.confusion([0, 1], [0]), "2 targets and 1 predictions"),
        (lambda n, x, r: draw.confusion([0.5], [0]), "expected class numbers"),
        (lambda n, x, r: draw.confusion([-1], [0]), "expected class numbers"),
        (lambda n, x, r: draw.confusion([], []), "expected class numbers"),
        (lambda n, x, r: draw.confusion([[1, 2]]), r"counts have shape \[1, 2\]"),
        (lambda n, x, r: draw.curves([]), "no metrics yet"),
        (lambda n, x, r: draw.aligned({}, {}), "no rule has a cosine"),
    ],
)
def test_what_cannot_be_drawn_is_said(ran, draws, expected):
    with pytest.raises(ValueError, match=expected):
        draws(*ran)


@settings(max_examples=8, deadline=None)
@given(
    shape=st.lists(st.integers(1, 5), min_size=1, max_size=3),
    outputs=st.integers(1, 4),
    steps=st.integers(1, 4),
)
def test_any_input_shape_is_drawn(shape, outputs, steps):
    size = int(np.prod(shape))
    network = Network({"fc": Block(torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(size, outputs)), LIF())})
    inputs = torch.randn(steps, 2, *shape)
    record, _ = network.run(inputs)
    for figure in (
        draw.raster(record, inputs),
        draw.membranes(record, thresholds=network),
        draw.weights(network, shape=shape),
    ):
        assert isinstance(figure, Figure)
        figure.draw_without_rendering()


def test_pictures_of_a_folder_without_settings_and_one_that_fails(ran, tmp_path, monkeypatch):
    network, inputs, _ = ran
    folder = RunFolder(tmp_path / "run")
    from spikelearn.export import save_weights

    save_weights(folder.weights, network.state_dict(), {})
    record_samples(folder.recording, network, Batch(inputs, torch.tensor([1, 2, 3])))
    folder.append_metrics({"epoch": 1, "accuracy": 0.5, "rates": {"fc1": 0.1}, "samples_per_second": 1.0})
    found = draw_pictures(folder)
    assert [path.name for path in found.paths] == ["raster.png", "membranes.png", "curves.png", "first_weights.png"]
    shown = []
    monkeypatch.setattr(
        draw,
        "weights",
        lambda _, block, shape: shown.append((block, shape)) or draw.curves([{"epoch": 1, "accuracy": 0, "rates": {}}]),
    )
    draw_pictures(folder)
    assert shown == [("fc1", (1, 8, 8))], "the first block of the network, not of the alphabet"
    monkeypatch.setattr(draw, "membranes", lambda *_, **__: 1 / 0)
    found = draw_pictures(folder)
    assert found.failures == {"membranes": "division by zero"}
    assert len(found.paths) == 3


def test_activity_in_one_call_on_a_network_and_data(ran, tmp_path):
    network, inputs, record = ran
    for figure in (draw.raster, draw.rates, draw.histograms):
        mine, theirs = (drawn(figure(*given), tmp_path) for given in ((network, inputs), (record, inputs)))
        assert len(mine.axes) == len(theirs.axes)
    bars = draw.rates(network, inputs, sample=1).axes[1].patches
    expected = record["fc1"].spikes[:, 1].mean(0) / 1e-3
    assert [bar.get_height() for bar in bars] == pytest.approx(expected.tolist(), rel=1e-5)
    drawn(draw.membranes(network, inputs), tmp_path)
    with pytest.raises(ValueError, match="without inputs"):
        draw.raster(network)
    with pytest.raises(ValueError, match="no threshold moves"):
        draw.thresholds(network, inputs)


def test_thresholds_rise_at_spikes(tmp_path):
    network = build("6-4", lambda: AdaptiveLIF.per_step(0.9, 0.95, beta=0.3), bias=False)
    inputs = torch.full((30, 1, 6), 3.0)
    with torch.no_grad():
        next(network.parameters()).fill_(0.1)
        spikes = network.run(inputs)[0]["fc1"].spikes[:, 0, 0]
    line = drawn(draw.thresholds(network, inputs), tmp_path).axes[0].lines[0].get_ydata()
    adapted, expected = 0.0, []
    for spike in spikes.tolist():
        adapted = 0.95 * adapted + spike
        expected.append(1.0 + 0.3 * adapted)
    assert spikes.sum() > 1
    assert line == pytest.approx(expected, rel=1e-5)


def test_changes_and_fields_that_form(ran, tmp_path):
    network = ran[0]
    after = {name: value + 0.1 for name, value in network.state_dict().items()}
    images = drawn(draw.changes(network, after), tmp_path).axes[2].images[0].get_array()
    assert np.nanmax(np.abs(images - 0.1)) < 1e-6
    drawn(draw.weight_histograms(network, after), tmp_path)
    frames = np.random.default_rng(0).normal(size=(3, 7, 16))
    assert draw.forming(frames).startswith(b"GIF89a")
    assert draw.forming(np.random.default_rng(0).normal(size=(3, 7, 2, 5, 5))).startswith(b"GIF89a")
    with pytest.raises(ValueError, match="expected \\[frames, neurons, inputs\\]"):
        draw.forming(frames[0])
