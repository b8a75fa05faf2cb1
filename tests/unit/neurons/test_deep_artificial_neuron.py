"""Neurons of several channels of current, and the phenotype that those of a network share."""

import copy
import json

import pytest
import torch
from torch import nn

from spikelearn.network import Block, Network, build
from spikelearn.neurons import DeepArtificialNeuron, Phenotype
from spikelearn.neurons.parts.phenotype import PHENOTYPES
from spikelearn.plasticity import DFA
from spikelearn.runs import settings_from


def small():
    return DeepArtificialNeuron(3, 4)


def phenotypes(network):
    return {id(block.neuron.phenotype) for block in network.blocks.values()}


def test_a_string_gives_each_neuron_its_channels():
    network = build("6-8-5(+inputs)(F8)-2", small)
    assert network.blocks["fc1"].synapse[-1].weight.shape == (24, 6)
    assert network.feedforward["inputs_to_fc2"].synapse.weight.shape == (15, 6)
    assert network.feedback["from_fc2"].synapse.weight.shape == (24, 5)
    record, _ = network.run(torch.rand(2, 3, 6))
    assert [list(seen.spikes.shape) for seen in record.values()] == [[2, 3, 8], [2, 3, 5], [2, 3, 2]]
    assert record["fc1"].v.tanh().allclose(record["fc1"].spikes)
    assert network.shapes(torch.rand(3, 6)) == {"fc1": (8,), "fc2": (5,), "fc3": (2,)}


def test_images_have_maps_in_place_of_units():
    network = build("1x8x8-4C3-P2-2R3-2", small, batch_norm=True)
    assert network.shapes(torch.rand(1, 1, 8, 8)) == {"conv1": (4, 6, 6), "res1": (2, 3, 3), "fc1": (2,)}
    neuron, current = small(), torch.randn(2, 6, 5, 5)
    answer, _ = neuron.answer(current)
    alone, _ = neuron.answer(current[:, 3:, 2, 4])
    assert answer[:, 1:, 2, 4].allclose(alone)


def test_a_network_has_one_phenotype_through_copies_and_types():
    network = build("6-8-2", small, output=lambda: DeepArtificialNeuron(3, 4, gain=5.0))
    assert len(phenotypes(network)) == len(phenotypes(network.double())) == 1
    copied = copy.deepcopy(network)
    assert len(phenotypes(copied)) == 1
    assert not phenotypes(copied) & phenotypes(network)
    assert not any("phenotype" in name for name in network.state_dict())
    assert len(phenotypes(build("6-8-2", small, output=lambda: DeepArtificialNeuron(3, 4, drawn=1)))) == 2


def test_gain_is_a_factor():
    x = torch.randn(2, 6)
    assert DeepArtificialNeuron(3, 4, gain=5.0).answer(x)[0].allclose(5.0 * small().answer(x)[0])


def test_what_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="takes 3 channels of current a neuron, but is driven by 8"):
        Network({"only": Block(nn.Linear(6, 8), small())}).run(torch.rand(1, 2, 6))
    with pytest.raises(ValueError, match=r"\(F8x\) leaves out one weight a neuron"):
        build("6-8(F8x)-2", small)
    with pytest.raises(ValueError, match="DeepArtificialNeuron of block 'fc1' takes 3 channels of current: train with"):
        DFA().check(build("6-8-2", small))
    tensors = Phenotype.drawn(2, 3).tensors
    with pytest.raises(ValueError, match="missing or too many: fc3.bias"):
        Phenotype({name: tensor for name, tensor in tensors.items() if name != "fc3.bias"})
    with pytest.raises(ValueError, match=r"skip_0_2.weight has shape \[2, 2\], expected \[3, 2\]"):
        Phenotype({**tensors, "skip_0_2.weight": torch.zeros(2, 2)})


def test_settings_hold_what_the_file_of_a_phenotype_says(tmp_path):
    phenotype, path = Phenotype.drawn(2, 3, seed=5), str(tmp_path / "found.json")
    PHENOTYPES.write(path, phenotype.tensors, {})
    settings = settings_from({"neuron": "dan", "neuron_option": {"phenotype": path}, "net": "6-4-2"})
    assert json.loads(settings.neuron_option["phenotype"]) == {k: v.tolist() for k, v in phenotype.tensors.items()}
    (tmp_path / "found.json").unlink()
    neuron = settings.network_of((6,)).blocks["fc1"].neuron
    assert (neuron.channels, neuron.width) == (2, 3)
    assert all(tensor.equal(phenotype.tensors[name]) for name, tensor in neuron.phenotype.tensors.items())
    with pytest.raises(ValueError, match="which spikelearn phenotype --out leaves"):
        settings_from({"neuron": "dan", "neuron_option": {"phenotype": path}}).network_of((6,))
