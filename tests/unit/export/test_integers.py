"""Networks in integers: the C header's loop is the integer loop, and ties fall as the network says."""

import shutil
import subprocess

import numpy as np
import pytest
import torch
from torch import nn

from spikelearn.export.c_header import CHeader
from spikelearn.export.integers import to_integers
from spikelearn.network import Block, Network, build
from spikelearn.neurons import IF, LIF, AdaptiveLIF

MAIN = """
#include <stdio.h>
#include "net.h"
int main(void) {
    static uint8_t in[NET_IN], out[NET_OUT];
    int steps, samples;
    if (scanf("%d %d", &steps, &samples) != 2) return 2;
    for (int b = 0; b < samples; ++b) {
        net_reset();
        for (int t = 0; t < steps; ++t) {
            for (int i = 0; i < NET_IN; ++i) { int s; if (scanf("%d", &s) != 1) return 2; in[i] = (uint8_t)s; }
            net_step(in, out);
            for (int j = 0; j < NET_OUT; ++j) printf("%d ", out[j]);
        }
    }
    return 0;
}
"""


def network(neuron=lambda: LIF.per_step(0.9)):
    torch.manual_seed(0)
    made = build("12-20-16-5", neuron)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.mul_(5.0)
    return made


def spikes(steps=20, samples=6):
    return (torch.rand(steps, samples, 12, generator=torch.Generator().manual_seed(2)) < 0.4).float()


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
@pytest.mark.parametrize(("bits", "power_of_two"), [(8, False), (4, True), (12, False)])
def test_the_compiled_header_fires_what_the_integer_loop_fires(bits, power_of_two, tmp_path):
    made, x = network(), spikes()
    CHeader(bits, power_of_two=power_of_two).write(made, tmp_path / "net.h", (12,), {})
    (tmp_path / "main.c").write_text(MAIN)
    command = ["cc", "-std=c99", "-Wall", "-Wextra", "-Werror", "-O1", "main.c", "-o", "run"]
    subprocess.run(command, cwd=tmp_path, check=True)
    numbers = " ".join(map(str, [20, 6, *x.transpose(0, 1).int().flatten().tolist()]))
    done = subprocess.run([tmp_path / "run"], input=numbers, capture_output=True, text=True, check=True)
    fired = torch.tensor([float(word) for word in done.stdout.split()]).reshape(6, 20, 5).transpose(0, 1)
    expected = to_integers(made, bits, power_of_two=power_of_two).run(x)
    assert expected.sum() > 50
    assert fired.equal(expected)


def test_many_bits_fire_what_the_network_fires_and_few_lose():
    made, x = network(), spikes()
    with torch.no_grad():
        exact = made.run(x)[0].output.spikes
    differing = [float((to_integers(made, bits).run(x) != exact).float().mean()) for bits in (16, 8, 3)]
    assert differing[0] < 0.005
    assert differing[0] <= differing[1] < differing[2]


def test_thresholds_are_powers_of_two_on_request():
    for layer in to_integers(network(), 8, power_of_two=True).layers:
        assert layer.threshold.bit_count() == 1
        assert np.abs(layer.weight).max() <= 127


@pytest.mark.parametrize("inclusive", [False, True])
def test_ties_fall_as_the_network_says(inclusive):
    """Weights on a grid bring potentials to the threshold itself; integers keep what the network does there."""
    layer = nn.Linear(4, 3, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.25, 0.25, 0.5, 1.0], [0.5, 0.5, 0.25, 0.25], [1.0, 0.25, 0.25, 0.5]]))
    made = Network({"a": Block(layer, IF(inclusive=inclusive))})
    x = (torch.rand(30, 10, 4, generator=torch.Generator().manual_seed(0)) < 0.4).float()
    with torch.no_grad():
        record = made.run(x)[0].output
    assert (record.v == 1.0).sum() > 50
    integers = to_integers(made, 3, power_of_two=True)
    assert (
        integers.layers[0].weight.tolist() == [[1, 1, 2, 3], [2, 2, 1, 1], [3, 1, 1, 2]]
        or integers.layers[0].scale > 0.25
    )
    exact = to_integers(made, 8, power_of_two=True)
    assert exact.run(x).equal(record.spikes)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: build("1x6x6-2C3-4"), "'conv1' is no dense layer"),
        (lambda: build("6-4", AdaptiveLIF.per_step), "AdaptiveLIF neurons"),
        (lambda: build("6-4", lambda: LIF.per_step(reset="subtract")), "is not reset to its rest"),
        (lambda: build("6-5-4(+inputs)"), "no chain"),
        (lambda: build("6-5-4", delay=1), "a delay of 1"),
        (lambda: Network({"a": Block(nn.Linear(3, 2), LIF.per_step([0.5, 0.9]))}), "decay_mem.*for each neuron"),
    ],
)
def test_other_networks_are_refused_by_name(make, words):
    with pytest.raises(ValueError, match=words):
        to_integers(make())


def test_bits_and_inputs_that_cannot_be():
    for bits in (1, 17, 2.5):
        with pytest.raises(ValueError, match="bits"):
            to_integers(network(), bits)
    with pytest.raises(ValueError, match="0 and 1 alone"):
        to_integers(network()).run(spikes() * 0.5)
