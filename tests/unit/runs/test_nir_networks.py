import nir
import numpy as np
import pytest
import torch

from spikelearn.bench.run.ordinary import ordinary_network
from spikelearn.export import NIR
from spikelearn.network import build
from spikelearn.neurons import LIF
from spikelearn.runs import Settings, settings_from, train, trained_network
from spikelearn.runs.nir_networks import nir_net
from spikelearn.training import RunFolder


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a,b.nir"
    NIR().write(build("64-12-10", LIF.per_step), path, (64,), {})
    return path


def test_a_name_has_a_path_and_options(file):
    named = nir_net(f"nir:{file},mend=steps+subtract,dt=0.001")
    assert (named.path, named.mend, named.dt) == (file, ("steps", "subtract"), 0.001)
    assert nir_net(str(named)) == named
    assert nir_net(f"nir:{file}").path == file
    for name, words in (("nir:", "names no file"), ("nir:x,dt=fast", "expected seconds"), ("nir:x,mand=a", "'mand'")):
        with pytest.raises(ValueError, match=words):
            nir_net(name)


def test_a_run_trains_the_network_of_a_file_and_goes_back_to_it(file, tmp_path):
    settings = Settings(net=f"nir:{file}", rule="stdp", epochs=1, steps=3, data_fraction=0.1)
    assert "sha256=" in settings.net
    start = settings.make_network()
    assert start.input_shape == (1, 8, 8)
    train(settings, RunFolder(tmp_path / "run"))
    network = trained_network(RunFolder(tmp_path / "run"), settings)
    assert not network.blocks["fc1"].synapse[1].weight.equal(start.blocks["fc1"].synapse[1].weight)
    NIR().write(build("64-12-10", LIF.per_step), file, (64,), {})
    with pytest.raises(ValueError, match="has changed since the network was read"):
        settings_from({"net": settings.net})


def test_what_does_not_go_with_a_file_is_refused(file, tmp_path):
    with pytest.raises(ValueError, match="a NIR file says its neurons: leave out neuron, bias"):
        settings_from({"net": f"nir:{file}", "neuron": "if", "bias": False})
    with pytest.raises(ValueError, match="does not exist"):
        settings_from({"net": f"nir:{tmp_path}/none.nir"})
    with pytest.raises(ValueError, match="is a file, but the ordinary network"):
        ordinary_network(f"nir:{file}", (64,))
    settings = Settings(net=f"nir:{file}", data="digits")
    with pytest.raises(ValueError, match=r"takes \[64\], the data have \[2, 3\]"):
        settings.network_of((2, 3))
    with pytest.raises(ValueError, match="has weights of its own for each class"):
        settings.model_copy(update={"readout": "linear"}).network_of((64,))
    assert (
        type(settings.model_copy(update={"readout": "first-spike"}).network_of((64,)).readout).__name__
        == "FirstSpikeReadout"
    )


def test_a_quirk_is_mended_by_the_name(tmp_path):
    path = tmp_path / "norse.nir"
    ones = np.ones(10)
    lif = nir.LIF(tau=1e-5 * ones, r=ones, v_leak=0 * ones, v_threshold=ones)
    nodes = [nir.Input(np.array([64])), nir.Linear(np.ones((10, 64), np.float32)), lif, nir.Output(np.array([10]))]
    nir.write(path, nir.NIRGraph.from_list(*nodes))
    with pytest.raises(ValueError, match="mend norse-time"):
        Settings(net=f"nir:{path}").network_of((64,))
    network = Settings(net=f"nir:{path},mend=norse-time").network_of((64,))
    assert network.run(torch.ones(3, 1, 64))[0].output.spikes.shape == (3, 1, 10)
