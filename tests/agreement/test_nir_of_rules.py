"""A network that any spiking rule has trained is exported, and other simulators fire the same spikes."""

from importlib.util import find_spec

import pytest
import torch

from spikelearn.cli.app import run
from spikelearn.export import NIR, verify_nir
from spikelearn.neurons import IF, LIF, CubaLIF
from spikelearn.plasticity import RULES, Batch
from spikelearn.runs import needs_of
from spikelearn.training import Training, learn
from tests.agreement.process_cases import OPTIONS
from tests.conformance.cases import RULES as CASES

# Looked for and not imported: every worker collects this file.
pytestmark = pytest.mark.skipif(not (find_spec("snntorch") and find_spec("norse")), reason="they are not installed")

#: What NIR has a node for; others are refused by name, which tests of the export show.
KINDS = (LIF, IF, CubaLIF)


def network_of(name):
    """The small network on which the rule is tried, with neurons that fire as often as it takes to prove something."""
    case = CASES[name][0]
    torch.manual_seed(5)
    return case, case.network(deep=case.deep, gain=3.0)


def resets_to_a_value(network):
    neurons = [block.neuron for block in network.blocks.values()]
    return all(isinstance(one, KINDS) and one.reset == "to_value" for one in neurons) and not network.feedback


def trained(name):
    """The network of a rule behind two updates; where it hardly fires, its weights made positive and doubled."""
    case, network = network_of(name)
    before = {key: value.clone() for key, value in network.state_dict().items()}
    training = Training.start(network, case.make(), **OPTIONS.get(name, {}))
    for _ in range(2):
        learn(training, Batch((torch.rand(10, 6, 6) < 0.5).float(), torch.arange(6) % 2))
    assert any(not value.equal(before[key]) for key, value in network.state_dict().items()), "nothing was learned"
    for _ in range(6):
        if network.run(INPUTS)[0].output.spikes.sum() > FEWEST:
            break
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.abs_().mul_(2.0)
    return network


SPIKING = [name for name in RULES if resets_to_a_value(network_of(name)[1])]
INPUTS = (torch.rand(30, 8, 6, generator=torch.Generator().manual_seed(1)) < 0.5).float()
FEWEST = 20

#: {(rule, reader): why it does not read the networks of the rule, which are of IF, and later in the second block}.
REFUSED = {
    ("emstdp", "snntorch"): "r != 1 not supported",
    ("emstdp", "norse"): "a Delay, in silence",
    ("emstdp-loihi", "snntorch"): "r != 1 not supported",
}

#: Rules whose networks normalise what a block receives, for which NIR has no node.
NORMALISED = {"forward-forward", "kernel-proxy"}


@pytest.mark.parametrize("name", SPIKING)
def test_what_a_rule_has_trained_fires_the_same_in_other_simulators(name, tmp_path):
    network = trained(name)
    if name in NORMALISED:
        with pytest.raises(ValueError, match="has the layer Normalise.*which NIR cannot say"):
            NIR().write(network, tmp_path / "network.nir", (6,), {})
        return
    NIR().write(network, tmp_path / "network.nir", (6,), {})
    found = verify_nir(network, tmp_path / "network.nir", INPUTS)
    assert found.spikes > FEWEST
    for peer, verdict in found.peers.items():
        if (name, peer) in REFUSED:
            assert REFUSED[name, peer] in (verdict.reason or "")
        else:
            assert (verdict.differing, verdict.entries) == (0, 30 * 8 * 2), (peer, verdict.reason)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SPIKING if not needs_of(name, "digits")])
def test_what_a_rule_has_trained_on_digits_fires_the_same(name, tmp_path):
    out = str(tmp_path / "run")
    assert run(["train", "--rule", name, "--data", "digits", "--net", "64-40-10", "--epochs", "1", "--out", out]) == 0
    assert run(["export", out, "--verify"]) == 0
