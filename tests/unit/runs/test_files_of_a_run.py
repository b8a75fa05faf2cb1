import pytest
import torch

from spikelearn.datasets import Digits
from spikelearn.export import load_weights, save_weights
from spikelearn.files import TEMPORARY, _machine
from spikelearn.loading import Loader
from spikelearn.network import build
from spikelearn.plasticity import BPTT
from spikelearn.runs import Settings, read_settings, settings_from, write_settings
from spikelearn.training import RunFolder, Training, fit, load_checkpoint, save_checkpoint


def test_checkpoint_round_trip(tmp_path):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"a": torch.arange(3), "b": {"c": [1, 2.5, "x", None]}})
    state = load_checkpoint(path)
    assert state["a"].tolist() == [0, 1, 2]
    assert state["b"] == {"c": [1, 2.5, "x", None]}


@pytest.mark.parametrize("damage", ["cut", "flip", "empty", "text", "head"])
def test_a_damaged_checkpoint_is_named_and_left_alone(tmp_path, damage):
    path = tmp_path / "checkpoint.pt"
    save_checkpoint(path, {"a": torch.arange(1000)})
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[len(content) // 2] ^= 1
    changed = {"cut": content[:-100], "flip": content, "empty": b"", "text": b"hello\n", "head": content[10:]}[damage]
    path.write_bytes(changed)
    with pytest.raises(ValueError, match=r"checkpoint.pt is (damaged|no checkpoint)"):
        load_checkpoint(path)
    assert path.read_bytes() == bytes(changed)


def test_a_missing_checkpoint_is_named(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        load_checkpoint(tmp_path / "checkpoint.pt")


def test_weights_round_trip(tmp_path):
    path = tmp_path / "w.safetensors"
    weights = {"a": torch.randn(3, 2), "count": torch.tensor(7)}
    save_weights(path, weights, {"net": "3-2"})
    found, metadata = load_weights(path)
    assert found["a"].equal(weights["a"])
    assert found["count"].item() == 7
    assert metadata["net"] == "3-2"


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_damaged_weights_are_named_and_left_alone(tmp_path, damage):
    path = tmp_path / "w.safetensors"
    save_weights(path, {"a": torch.randn(300)}, {})
    content = bytearray(path.read_bytes())
    if damage == "flip":
        content[-50] ^= 1
    changed = {"cut": content[:-100], "flip": content, "empty": b""}[damage]
    path.write_bytes(changed)
    with pytest.raises(ValueError, match="w.safetensors is damaged"):
        load_weights(path)
    assert path.read_bytes() == bytes(changed)


def test_metrics_survive_a_line_cut_short(tmp_path):
    folder = RunFolder(tmp_path)
    for epoch in (1, 2, 3):
        folder.append_metrics({"epoch": epoch, "accuracy": 0.5, "samples_per_second": 9.0, "rates": {}})
    folder.metrics.write_text(folder.metrics.read_text() + '{"epo')
    assert [row["epoch"] for row in folder.read_metrics()] == [1, 2, 3]
    folder.keep_metrics_before(2, folder.metrics_digest(2))
    assert [row["epoch"] for row in folder.read_metrics()] == [1, 2]
    folder.metrics.write_text('{"epo\n{"epoch": 2}\n')
    with pytest.raises(ValueError, match="damaged at line 1"):
        folder.read_metrics()


@pytest.mark.parametrize("line", ["[]", "3", "{}", '{"epoch": "x"}', '{"epoch": 1, "accuracy": 0.5}'])
def test_lines_that_are_no_metrics_are_named(tmp_path, line):
    folder = RunFolder(tmp_path)
    folder.metrics.write_text(line + "\n")
    with pytest.raises(ValueError, match="damaged at line 1"):
        folder.read_metrics()


@pytest.mark.parametrize("content", [b"{}", b"[]", b"3", b"\xff\xfe", b"{"])
def test_results_that_are_none_are_named(tmp_path, content):
    folder = RunFolder(tmp_path)
    folder.result.write_bytes(content)
    with pytest.raises(ValueError, match=r"result.json is damaged"):
        folder.read_result()


@pytest.mark.parametrize("counts", ["x", [], [[1], [2, 3]], [[1, 2]], [[-1]], [[10**30]], [[True]], [[0.5]], {"0": 1}])
def test_a_result_whose_counts_are_no_square_is_damaged(tmp_path, counts):
    """With its checksum made good, too."""
    folder = RunFolder(tmp_path)
    result = {"test_accuracy": 0.5, "test_samples": 2, "optimizer": "adam", "parameters": 3}
    folder.write_result({**result, "test_confusion": counts}, {})
    with pytest.raises(ValueError, match=r"result.json is damaged: test_confusion"):
        folder.read_result()


@pytest.mark.parametrize("counts", [None, [[3, 0], [1, 2]]])
def test_counts_of_a_result_are_read_back(tmp_path, counts):
    folder = RunFolder(tmp_path)
    result = {"test_accuracy": 0.5, "test_samples": 2, "optimizer": "adam", "parameters": 3}
    for path in (folder.metrics, folder.weights, folder.recording):
        path.write_bytes(b"")
    folder.write_result({**result, "test_confusion": counts}, {})
    assert folder.read_result()["test_confusion"] == counts


def test_a_folder_is_claimed_by_one_process(tmp_path):
    folder, other = RunFolder(tmp_path / "run"), RunFolder(tmp_path / "run")

    def claim_again():
        with other.claimed():
            pass

    with folder.claimed():
        with pytest.raises(ValueError, match="in use by another process"):
            claim_again()
        left = folder.path / f"{TEMPORARY}{_machine()}.{2**30}.abc.pt"
        left.write_bytes(b"half")
        (folder.path / "kept").write_bytes(b"whole")
    with other.claimed():
        assert not left.exists()
        assert (folder.path / "kept").exists()


def test_a_claim_that_came_to_nothing_leaves_nothing(tmp_path):
    with RunFolder(tmp_path / "run").claimed():
        pass
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "state", [{}, {"position": [1]}, {"position": {"epoch": 1, "future": 2}, "training": {}, "about": {}}]
)
def test_a_checkpoint_of_another_version_is_named(tmp_path, state):
    folder = RunFolder(tmp_path)
    save_checkpoint(folder.checkpoint, state)
    training = Training.start(build("4-3"), BPTT())
    loader = Loader(Digits("test"), 2, 10)
    with pytest.raises(ValueError, match="is of another version"):
        fit(training, loader, epochs=1, folder=folder, resume=True)


def test_settings_round_trip(tmp_path):
    path = tmp_path / "settings.toml"
    settings = Settings(net="64-10", rule_option={"loss": "mse-count"}, bounds=(-1.0, 1.0), patience=3)
    write_settings(path, settings)
    assert settings_from(read_settings(path)) == settings


def test_hyphens_in_a_file_are_underscores(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text('rule = "stdp"\n[rule-option]\na_plus = 0.5\n')
    assert settings_from(read_settings(path)).rule_option == {"a_plus": 0.5}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"nett": "3"}, "unknown setting 'nett'.*did you mean 'net'"),
        ({"epochs": 0}, "epochs is 0"),
        ({"epochs": "many"}, "epochs is 'many'"),
        ({"validation": 1.0}, "validation is 1.0"),
        ({"lr": -1}, "lr is -1"),
        ({"schedule": "steps"}, "unknown schedule 'steps'"),
        ({"readout": "spikes"}, "unknown readout 'spikes'"),
    ],
)
def test_wrong_settings_are_named(values, message):
    with pytest.raises(ValueError, match=message) as error:
        settings_from(values)
    assert "\n" not in str(error.value)


def test_a_file_that_is_no_toml(tmp_path):
    path = tmp_path / "a.toml"
    path.write_text("net = [")
    with pytest.raises(ValueError, match="is no TOML file"):
        read_settings(path)
    with pytest.raises(ValueError, match="does not exist"):
        read_settings(tmp_path / "b.toml")


@pytest.mark.parametrize(
    ("settings", "make", "message"),
    [
        (Settings(net="64-x"), "make_network", "cannot read 'x'"),
        (Settings(neuron="lif", neuron_option={"tau": 3}), "make_network", "has no option 'tau'"),
        (Settings(neuron_option={"decay": 2}), "make_network", "decay is 2"),
        (Settings(rule="x"), "make_rule", "unknown rule 'x'"),
        (Settings(encoder="x"), "make_encoder", "unknown encoder 'x'"),
        (Settings(encoder_option={"gain": 2}), "make_encoder", "without an encoder"),
    ],
)
def test_what_settings_name_is_checked(settings, make, message):
    with pytest.raises(ValueError, match=message):
        getattr(settings, make)()


def test_an_unknown_data_set_is_said_before_anything_is_made():
    with pytest.raises(ValueError, match=r"unknown data set 'digit', .*did you mean 'digits'.*idx:FOLDER"):
        settings_from({"data": "digit"})


def test_neurons_are_in_their_per_step_form_unless_a_time_is_named():
    def neuron(**options):
        return Settings(neuron_option=options).make_network().blocks["fc1"].neuron

    assert (neuron().decay_mem, neuron().gain_mem) == (0.9, 1.0)
    assert (neuron(reset="subtract").decay_mem, neuron(reset="subtract").gain_mem) == (0.9, 1.0)
    assert neuron(decay=0.5).decay_mem == 0.5
    assert neuron(tau_mem=0.01).tau_mem == 0.01
    assert neuron(tau_mem=0.01).gain_mem < 0.1


def test_a_data_root_is_kept_written_out(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Settings(data_root="here").data_root == str((tmp_path / "here").resolve())
