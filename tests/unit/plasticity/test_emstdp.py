import math

import numpy as np
import pytest
import torch
from torch import nn

from spikelearn.network import Block, Feedback, MembraneReadout, Network, RateReadout, build
from spikelearn.network.initialisers import EMSTDPInit
from spikelearn.neurons import IF, LIF
from spikelearn.plasticity import RULES, Batch, OptimizerChoice
from spikelearn.plasticity.two_phase.base import error_thresholds
from spikelearn.plasticity.two_phase.emstdp import EMSTDP
from spikelearn.plasticity.two_phase.emstdp_loihi import EMSTDPLoihi
from spikelearn.training import Bounds, Training, learn
from spikelearn.training.optimizers import IntegerSGD, UnitRMS
from tests.helpers import only_update

F64 = torch.float64


def counting(threshold=1.0):
    return IF(threshold, inclusive=True)


def chain(*sizes, weights=None, threshold=1.0):
    """Dense layers a1, a2, ... with one step of delay between them; weights drawn or all the same."""
    blocks = {}
    for place, (n_in, n) in enumerate(zip(sizes, sizes[1:], strict=False)):
        blocks[f"a{place + 1}"] = Block(nn.Linear(n_in, n, bias=False), counting(threshold), delay=min(place, 1))
    network = Network(blocks).to(F64)
    if weights is not None:
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.fill_(weights)
    return network


def weight(network, name):
    return network.get_parameter(f"blocks.{name}.synapse.weight")


def initialised(text="12-20-5", seed=0, ratio=0.5):
    generator = torch.Generator().manual_seed(seed)
    init = EMSTDPInit(ratio, ratio)
    return build(text, counting, bias=False, delay=1, init=init, generator=generator).to(F64)


def random_batch(steps=21, samples=6, n=12, classes=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    inputs = (torch.rand(steps, samples, n, generator=generator) < 0.4).to(F64)
    return Batch(inputs, torch.arange(samples) % classes)


def both_phases(rule, network, data):
    """(free record, moments of the corrected phase)."""
    memory = rule.init(network, torch.Generator().manual_seed(0))
    free, state = rule.free_phase(network, data)
    return free, list(rule.corrected_phase(network, data, memory, free, state))


def steps_where(values):
    """Steps at which a record [T] is not zero."""
    return values.nonzero().flatten().tolist()


@pytest.mark.parametrize(
    ("epsilon", "spikes", "errors"), [(1.0, [11, 12, 13, 17, 18], [9, 10, 11, 15, 16, 17]), (3.0, [13, 17], [11, 15])]
)
def test_pencil(epsilon, spikes, errors):
    """All weights 0, class 1, 19 steps: only error spikes make the true neuron fire."""
    network, rule = chain(3, 4, weights=0.0), EMSTDP(epsilon=epsilon)
    data = Batch(torch.ones(19, 1, 3, dtype=F64), torch.tensor([1]))
    free, moments = both_phases(rule, network, data)
    output = torch.cat([free.output.spikes, torch.stack([m.record.output.spikes for m in moments])])[:, 0]
    fired = torch.stack([m.errors["a1"] for m in moments])[:, 0]
    assert steps_where(output[:, 1]) == spikes
    assert [9 + step for step in steps_where(fired[:, 1])] == errors
    assert output[:, [0, 2, 3]].abs().max() == fired[:, [0, 2, 3]].abs().max() == 0
    change = -only_update(rule, network, data).grads["blocks.a1.synapse.weight"]
    assert change[1].unique().tolist() == [9 * len(spikes) / 9], "nine input spikes times the extra spikes, by nine"
    silent = Batch(torch.zeros_like(data.inputs), data.targets)
    assert only_update(rule, network, silent).grads["blocks.a1.synapse.weight"].abs().max() == 0


def test_nothing_changes_where_the_output_is_right():
    network = chain(4, 4)
    with torch.no_grad():
        weight(network, "a1").copy_(torch.eye(4))
    data = Batch(torch.eye(4, dtype=F64).expand(21, 4, 4), torch.arange(4))
    rule = EMSTDP(epsilon=1.0)
    _, moments = both_phases(rule, network, data)
    assert max(float(m.errors["a1"].abs().max()) for m in moments) == 0
    assert only_update(rule, network, data).grads["blocks.a1.synapse.weight"].abs().max() == 0


def test_labels_act_from_the_third_corrected_step_on():
    network, data, rule = initialised(), random_batch(), EMSTDP(epsilon=1.0)
    other = Batch(data.inputs, (data.targets + 1) % 5)
    (free, one), (same, two) = both_phases(rule, network, data), both_phases(rule, network, other)
    inference, _ = network.run(data.inputs)
    for name in network.blocks:
        assert free[name].spikes.equal(same[name].spikes)
        assert free[name].spikes.equal(inference[name].spikes[:10])
        for step in (0, 1):
            assert one[step].record[name].spikes.equal(two[step].record[name].spikes)
    assert not one[2].record.output.spikes.equal(two[2].record.output.spikes)
    assert only_update(rule, network, data).scores.equal(inference.output.spikes[:9].mean(0))


@pytest.mark.parametrize("seed", range(5))
def test_signs_with_a_constant_input(seed):
    torch.manual_seed(seed)
    network = chain(8, 6)
    with torch.no_grad():
        weight(network, "a1").uniform_(-0.3, 0.4)
    active = (torch.rand(1, 8).argsort() < 5).to(F64)
    data = Batch(active.expand(31, 1, 8), torch.tensor([0]))
    change = -only_update(EMSTDP(epsilon=1.0), network, data).grads["blocks.a1.synapse.weight"]
    counts = network.run(data.inputs)[0].output.spikes[1:16, 0].sum(0)
    assert (change[:, active[0] == 0] == 0).all()
    assert (change[1:][counts[1:] > 0] <= 0).all()
    assert counts[0] > 0 or (change[0] >= 0).all()
    assert change.abs().max() > 0


def relu_gradient(network, data):
    """Minus the gradient of the squared error of the net of rates, by parameter."""
    rate = data.inputs.mean(0)
    for block in network.blocks.values():
        rate = torch.relu(block.synapse(rate) / block.neuron.v_threshold)
    wanted = nn.functional.one_hot(data.targets, rate.shape[1]).to(rate.dtype)
    loss = 0.5 * (rate - wanted).square().sum()
    names, parameters = zip(*network.named_parameters(), strict=True)
    return {n: -g for n, g in zip(names, torch.autograd.grad(loss, parameters), strict=True)}


def alignment(rule, network, memory, batches):
    """Mean cosine between the change and the gradient, by parameter."""
    cosines = {}
    for data in batches:
        update, exact = only_update(rule, network, data, memory), relu_gradient(network, data)
        for name, grad in update.grads.items():
            cosine = torch.cosine_similarity(-grad.flatten(), exact[name].flatten(), dim=0)
            cosines.setdefault(name, []).append(float(cosine))
    return {name: float(np.mean(values)) for name, values in cosines.items()}


def test_the_change_follows_backpropagation():
    found = {}
    for seed in range(4):
        batches = [Batch(torch.rand(10, 30, dtype=F64).expand(121, 10, 30), torch.arange(10) % 5) for _ in range(2)]
        network = initialised("30-50-5", seed, ratio=1.0)
        for name, cosine in alignment(EMSTDP(epsilon=1.0), network, {}, batches).items():
            found.setdefault(name, []).append(cosine)
    assert min(min(cosines) for cosines in found.values()) > 0
    assert np.mean(found["blocks.fc2.synapse.1.weight"]) > 0.5
    assert np.mean(found["blocks.fc1.synapse.1.weight"]) > 0.35


def test_a_silent_hidden_neuron_gets_no_error():
    network, data = initialised(), random_batch(41)
    fired = {}
    for gate in (True, False):
        free, moments = both_phases(EMSTDP(epsilon=1.0, gate=gate), network, data)
        silent = free["fc1"].spikes[:-1].sum(0) == 0
        assert silent.any()
        assert not silent.all()
        errors = sum(m.errors["fc1"].abs() for m in moments)
        fired[gate] = float(errors[silent].sum()), float(errors[~silent].sum())
    assert fired[True][0] == 0 < fired[True][1]
    assert fired[False][0] > 0


def test_direct_feedback_has_no_gate():
    assert not EMSTDP("direct").gate
    _, moments = both_phases(EMSTDP("direct", epsilon=1.0), chain(3, 4, 2, weights=0.0), random_batch(41, 4, 3, 2))
    assert sum(float(m.errors["a1"].abs().sum()) for m in moments) > 0


def test_weights_stay_in_bounds():
    network, data = initialised(), random_batch()
    training = Training.start(network, EMSTDP(epsilon=1.0), optimizer=OptimizerChoice("sgd", 5.0))
    learn(training, data)
    for parameter in network.parameters():
        assert parameter.abs().max() == 1.0


def test_a_last_even_step_stays_idle():
    network, data, rule = initialised(), random_batch(22), EMSTDP(epsilon=1.0)
    odd = only_update(rule, network, Batch(data.inputs[:21], data.targets))
    even = only_update(rule, network, data)
    assert all(grad.equal(even.grads[name]) for name, grad in odd.grads.items())


def test_windows_by_hand():
    """One relay neuron and one output: the counts that meet are those of the steps that the formula names."""
    network = chain(1, 1, 1, weights=1.0)
    inputs = torch.zeros(11, 1, 1, dtype=F64)
    inputs[[0, 1, 2, 6, 9]] = 1.0  # tau = 5; the relay fires with its input, the output one step later
    update = only_update(EMSTDP(epsilon=100.0), network, Batch(inputs, torch.tensor([0])))
    pre, hidden = 2, (2, 2)  # inputs of 2..6; relay spikes of 1..5 and of 6..10
    assert float(update.grads["blocks.a1.synapse.weight"]) == -pre * (hidden[1] - hidden[0]) / 5
    pre, output = 2, (3, 2)  # relay spikes of 1..5, output spikes of 1..5 and of 6..10
    assert float(update.grads["blocks.a2.synapse.weight"]) == -pre * (output[1] - output[0]) / 5
    assert update.rates == {"a1": 3 / 5, "a2": 3 / 5}
    assert update.metrics == {"corrected_a1": 0.0, "corrected_a2": 0.0, "active_a1": 1.0, "active_a2": 1.0}


def test_presynaptic_events():
    network = chain(2, 2, weights=0.0)
    inputs = torch.zeros(19, 1, 2, dtype=F64)
    inputs[2:4, 0, 0] = inputs[2:5, 0, 1] = 1.0  # two and three spikes, the bound is a tenth of 20
    rule = EMSTDP(epsilon=1.0, presynaptic="event")
    change = -only_update(rule, network, Batch(inputs, torch.tensor([1]))).grads["blocks.a1.synapse.weight"]
    torch.testing.assert_close(change, torch.tensor([[0.0, 0.0], [0.0, 5 / 9]], dtype=F64))


@pytest.mark.parametrize(("reset", "steps"), [("to_zero", [1, 3]), ("subtract", [1, 2])])
def test_resets_of_error_neurons(reset, steps):
    rule = EMSTDP(epsilon=1.5, error_reset=reset)
    _, moments = both_phases(rule, chain(1, 1, weights=0.0), Batch(torch.ones(19, 1, 1, dtype=F64), torch.tensor([0])))
    assert steps_where(torch.stack([m.errors["a1"] for m in moments]).flatten())[:2] == steps


def test_injection_scales():
    """Half a threshold an error spike: twice as many are needed for one spike."""
    data = Batch(torch.ones(19, 1, 1, dtype=F64), torch.tensor([0]))
    network = chain(1, 1, weights=0.0, threshold=0.8)
    _, moments = both_phases(EMSTDP(epsilon=1.0, scale=0.5), network, data)
    potentials = torch.stack([m.state.neurons["a1"].v for m in moments]).flatten()
    torch.testing.assert_close(potentials[:3], torch.tensor([0.0, 0.4, 0.8], dtype=F64))
    assert steps_where(torch.stack([m.record.output.spikes for m in moments]).flatten())[0] == 3


def test_error_thresholds_by_hand():
    sizes = (12, 8, 6, 4)
    assert error_thresholds(sizes, "symmetric", 0.5, 3.0) == pytest.approx(
        [0.5 * 6 * math.sqrt(3 / 8) / 4, 0.5 * 4 * math.sqrt(3 / 6) / 6, 3.0]
    )
    assert error_thresholds(sizes, "alignment", 0.5, 1.0) == pytest.approx(
        [0.5 * math.sqrt(18) / 4, 0.5 * math.sqrt(12) / 6, 1.0]
    )
    assert error_thresholds(sizes, "direct", 0.2, 1.0) == pytest.approx(
        [0.2 * math.sqrt(12) / 4, 0.2 * math.sqrt(12) / 6, 1.0]
    )
    assert error_thresholds((12, 4), "direct", 0.2, 1.0) == [1.0]


@pytest.mark.parametrize(("feedback", "shapes"), [("alignment", [(6, 8), (4, 6)]), ("direct", [(4, 8), (4, 6)])])
def test_feedback_matrices(feedback, shapes):
    network = chain(12, 8, 6, 4)
    memory = EMSTDP(feedback).init(network, torch.Generator().manual_seed(0))
    single = EMSTDP(feedback).init(network.float(), torch.Generator().manual_seed(0))
    assert list(memory) == ["back_weights.a1", "back_weights.a2"]
    for (name, matrix), shape in zip(memory.items(), shapes, strict=True):
        assert matrix.shape == shape
        assert matrix.dtype == F64
        assert 0.5 / math.sqrt(shape[0]) < matrix.abs().max() <= 1 / math.sqrt(shape[0])
        assert single[name].equal(matrix.float()), "the same numbers in every type"
    assert EMSTDP().init(network, torch.Generator()) == {}


def test_symmetric_feedback_is_alignment_with_the_weights_above():
    network, data = initialised(), random_batch(41)
    above = network.get_parameter("blocks.fc2.synapse.1.weight")
    sizes = (12, 20, 5)
    ratio = 0.5 * error_thresholds(sizes, "symmetric", 1, 1)[0] / error_thresholds(sizes, "alignment", 1, 1)[0]
    one = only_update(EMSTDP(epsilon=1.0), network, data)
    rule = EMSTDP("alignment", epsilon=1.0, hidden_ratio=ratio)
    two = only_update(rule, network, data, {"back_weights.fc1": above.detach()})
    assert all(grad.equal(two.grads[name]) for name, grad in one.grads.items())


def front_end():
    """A frozen convolution with batch norm, average pooling in front of the first dense layer."""
    conv = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1, bias=False), nn.BatchNorm2d(2))
    conv.requires_grad_(False)
    blocks = {
        "conv": Block(conv, LIF.per_step(0.8, v_threshold=0.2)),
        "fc1": Block(nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(8, 6, bias=False)), counting(0.1), delay=1),
        "fc2": Block(nn.Linear(6, 3, bias=False), counting(0.3), delay=1),
    }
    return Network(blocks).to(F64)


def test_a_frozen_front_end_is_only_run():
    network, rule = front_end(), EMSTDP(epsilon=1.0)
    data = Batch((torch.rand(21, 4, 1, 4, 4) < 0.5).to(F64), torch.tensor([0, 1, 2, 0]))
    update = only_update(rule, network, data)
    assert set(update.grads) == {"blocks.fc1.synapse.2.weight", "blocks.fc2.synapse.weight"}
    assert set(update.rates) == {"conv", "fc1", "fc2"}
    assert all(value.equal(network.get_buffer(name)) for name, value in update.buffers.items())
    network.eval()
    free, moments = both_phases(rule, network, data)
    assert set(moments[0].errors) == {"fc1", "fc2"}
    pre = network.run(data.inputs)[0]["fc1"].pre[2:12].sum(0)
    pooled = nn.functional.avg_pool2d(pre, 2).flatten(1)
    spikes = torch.cat([free["fc1"].spikes, torch.stack([m.record["fc1"].spikes for m in moments])])
    post = (spikes[11:21].sum(0) - spikes[1:11].sum(0)) / 10
    torch.testing.assert_close(update.grads["blocks.fc1.synapse.2.weight"], -post.t() @ pooled / 4)


def test_frozen_layers_between_and_biases_are_left_alone():
    network = build("12-8-6-5", counting, delay=1).to(F64)
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(not name.endswith("bias") and "fc2" not in name)
    update = only_update(EMSTDP(), network, random_batch())
    assert set(update.grads) == {"blocks.fc1.synapse.1.weight", "blocks.fc3.synapse.1.weight"}
    assert "corrected_fc2" in update.metrics


def test_masks_hold_in_both_phases():
    network, data = initialised(), random_batch()
    mask = torch.ones(6, 20, dtype=F64)
    mask[:, ::2] = 0.0
    _, moments = both_phases(EMSTDP(epsilon=1.0), network, Batch(data.inputs, data.targets, {"fc1": mask}))
    for moment in moments:
        assert moment.record["fc1"].spikes[:, ::2].abs().max() == moment.errors["fc1"][:, ::2].abs().max() == 0


def with_neuron(neuron):
    return Network({"a": Block(nn.Linear(4, 3, bias=False), neuron)})


def looped():
    blocks = {"a": Block(nn.Linear(4, 3, bias=False), counting())}
    return Network(blocks, {"loop": Feedback("a", "a", nn.Linear(3, 3, bias=False))})


def read_by(readout):
    return Network({"a": Block(nn.Linear(4, 3, bias=False), counting())}, readout=readout)


def no_bias(text, **options):
    return build(text, counting, bias=False, **options)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (lambda: with_neuron(LIF.per_step()), "block 'a' is LIF: use IF with inclusive=True.*--neuron if"),
        (lambda: with_neuron(IF()), "block 'a' is IF with inclusive=False: use IF with inclusive=True"),
        (
            lambda: with_neuron(IF(inclusive=True, reset="subtract")),
            'IF with reset="subtract": use IF with .*reset="to_value"',
        ),
        (lambda: with_neuron(IF(inclusive=True, v_reset=-0.5)), "v_reset=-0.5"),
        (looped, r"feedback edges \['loop'\]: leave them out"),
        (lambda: no_bias("4-5-3"), r"block 'fc2' has delay 0, expected 1.*build\(..., delay=1\)"),
        (lambda: build("4-5-3", counting, delay=1), "block 'fc1' has a trainable bias.*bias=False"),
        (lambda: no_bias("1x6x6-2C3-3", delay=1), "block 'conv1' has a Conv2d.*--weights RUN --freeze BLOCK"),
        (lambda: no_bias("4-5-3", delay=1, batch_norm=True), "plain nn.Linear only"),
        (lambda: no_bias("4-3").requires_grad_(False), r"no trainable weight: set requires_grad_\(True\)"),
        (lambda: read_by(MembraneReadout()), "predicts from potentials: use RateReadout"),
        (lambda: read_by(RateReadout(nn.Linear(3, 3))), "never change the readout's 'head.weight'.*without a head"),
    ],
)
@pytest.mark.parametrize("rule", [EMSTDP(), EMSTDPLoihi()], ids=["emstdp", "emstdp-loihi"])
def test_networks_that_are_refused(rule, network, message):
    with pytest.raises(ValueError, match=message) as refused:
        rule.init(network(), torch.Generator())
    assert ("emstdp-loihi" in str(refused.value)) == isinstance(rule, EMSTDPLoihi)


def test_presentations_that_are_refused():
    network = initialised()
    with pytest.raises(ValueError, match=r"at least 5 steps, but the inputs have 4: raise n_steps"):
        only_update(EMSTDP(), network, random_batch(4))
    with pytest.raises(ValueError, match="targets go from 0 to 5, but the network has 5 outputs"):
        only_update(EMSTDP(), network, random_batch(classes=6))
    images = Batch(torch.ones(9, 2, 3, 4, dtype=F64), torch.tensor([0, 1]))
    with pytest.raises(ValueError, match=r"one output neuron a class, but the last block has the shape \[3, 2\]"):
        only_update(EMSTDP(), chain(4, 2), images)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"feedback": "random"}, "feedback is 'random', expected one of alignment, direct, symmetric"),
        ({"epsilon": 0.0}, "epsilon is 0.0, expected a positive number"),
        ({"scale": -1.0}, "scale is -1.0"),
        ({"hidden_ratio": 0.0}, "hidden_ratio is 0.0"),
        ({"gate": 1}, "gate is 1, expected true or false"),
        ({"error_reset": "soft"}, "error_reset is 'soft'"),
        ({"presynaptic": "rate"}, "presynaptic is 'rate'"),
    ],
)
def test_options_that_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        RULES.make("emstdp", options)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"feedback": "symmetric"}, "feedback is 'symmetric', expected one of alignment, direct"),
        ({"hidden_exponent": -1}, "hidden_exponent is -1"),
        ({"output_exponent": 1.5}, "output_exponent is 1.5"),
        ({"tau_trace": 0.0}, r"tau_trace is 0.0, expected a positive number \(s\)"),
    ],
)
def test_options_of_the_chip_that_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        RULES.make("emstdp-loihi", options)


def test_rules_from_plain_values():
    rule = RULES.make("emstdp", {"feedback": "alignment", "epsilon": 1, "gate": False, "presynaptic": "event"})
    assert (rule.feedback, rule.epsilon, rule.gate, rule.presynaptic) == ("alignment", 1, False, "event")
    assert RULES.make("emstdp-loihi", {"tau_trace": 0.064}).tau_trace == 0.064


def one_spike_on_the_chip(network):
    """Changes after one input spike in five steps, with traces that halve every step."""
    rule = EMSTDPLoihi(tau_trace=1e-3 / math.log(2.0), hidden_exponent=4, output_exponent=5)
    inputs = torch.zeros(5, 1, 1, dtype=F64)
    inputs[0] = 1.0
    update = only_update(rule, network, Batch(inputs, torch.tensor([0])))
    return [-float(grad) for grad in update.grads.values()]


def test_the_chip_by_hand():
    """The output fires with its input, and at step 4 for the error spike of step 2: x = 1/16, y = 1 + 1/16, t = 2."""
    expected = (2**-5 * (17 / 16) - 2**-6 * 2) / 16
    assert one_spike_on_the_chip(chain(1, 1, weights=1.0)) == pytest.approx([expected], rel=1e-12)


def test_the_chip_by_hand_with_a_hidden_layer():
    """Both fire once, at steps 0 and 1; the error comes too late to be answered. Layers differ in their exponent."""
    expected = [(2**-4 / 16 - 2**-5) / 16, (2**-5 / 8 - 2**-6) / 8]
    assert one_spike_on_the_chip(chain(1, 1, 1, weights=1.0)) == pytest.approx(expected, rel=1e-12)


def test_traces_of_a_constant_rate_teach_nothing():
    """By default y is half the tag where a neuron fires at a constant rate."""
    network = chain(1, 1, weights=1.0)
    data = Batch(torch.ones(129, 1, 1, dtype=F64), torch.tensor([0]))
    grads = {
        tau: float(only_update(EMSTDPLoihi(tau_trace=tau), network, data).grads["blocks.a1.synapse.weight"])
        for tau in (None, 64e-3)
    }
    assert grads[64e-3] > 10
    assert abs(grads[None]) < 1e-9


def task():
    """Ten noisy prototypes: 1000 samples to learn from, 500 to test with."""
    rng = np.random.default_rng(0)
    prototypes = rng.random((10, 64))
    parts = []
    for count in (1000, 500):
        targets = rng.integers(0, 10, count)
        pixels = np.clip(prototypes[targets] + rng.normal(0, 0.35, (count, 64)), 0, 1)
        parts += [torch.from_numpy(pixels).float(), torch.from_numpy(targets)]
    return parts


def encoded(pixels, generator, steps=63):
    """One random threshold a step, common to all pixels and samples."""
    return (torch.rand(steps, 1, 1, generator=generator) < pixels).float()


def trained(rule, network, make_optimizer, epochs, seed, bounds=(-1.0, 1.0), steps=63):
    """Test accuracy after every epoch."""
    train_x, train_y, test_x, test_y = task()
    generator = torch.Generator().manual_seed(seed)
    memory = rule.init(network, generator)
    training = Training(network, rule, memory, make_optimizer(network.parameters()), constraints=(Bounds(*bounds),))
    accuracies = []
    for _ in range(epochs):
        for some in torch.randperm(1000, generator=generator).split(10):
            learn(training, Batch(encoded(train_x[some], generator, steps), train_y[some]))
        scores = network(encoded(test_x, generator, steps))
        accuracies.append(float((scores.argmax(1) == test_y).float().mean()))
    return accuracies


def rms(parameters):
    return UnitRMS(parameters, lr=1e-3)


def test_learns_prototypes():
    network = initialised("64-100-10").float()
    assert trained(EMSTDP(), network, rms, 2, seed=0)[-1] > 0.65


@pytest.mark.slow
@pytest.mark.parametrize(
    ("feedback", "epochs", "least"), [("symmetric", 5, 0.95), ("alignment", 10, 0.85), ("direct", 10, 0.8)]
)
def test_learns_prototypes_well(feedback, epochs, least):
    network = initialised("64-100-10", seed=1).float()
    assert trained(EMSTDP(feedback), network, rms, epochs, seed=1)[-1] > least


@pytest.mark.slow
def test_whole_numbered_weights_learn_prototypes():
    network = build("64-100-10", counting, delay=1)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for block, ratio in zip(network.blocks.values(), (0.5, 0.3), strict=True):
            linear, inputs = block.synapse[-1], block.synapse[-1].in_features
            drawn = 255 * math.sqrt(3 / inputs) * torch.randn(linear.weight.shape, generator=generator)
            linear.weight.copy_(drawn.round().clamp(-128, 127))
            block.neuron.v_threshold = float(int(ratio * 255 * math.sqrt(3 * inputs) / 2))
            linear.bias.fill_(block.neuron.v_threshold / 10).requires_grad_(False)
    accuracy = trained(EMSTDPLoihi(), network, IntegerSGD, 3, 0, (-128.0, 127.0), steps=129)
    assert accuracy[-1] > 0.85
    for parameter in network.parameters():
        if parameter.requires_grad:
            assert parameter.equal(parameter.round())
            assert parameter.min() >= -128
            assert parameter.max() <= 127


@pytest.mark.slow
def test_weights_turn_towards_fixed_feedback():
    """With feedback alignment the change comes closer to the gradient as the weights above learn."""
    train_x, train_y, *_ = task()
    train_x = train_x.double()
    network, rule = initialised("64-100-10", seed=1), EMSTDP("alignment")
    generator = torch.Generator().manual_seed(1)
    memory = rule.init(network, generator)
    # Constant inputs: measured with random codes, noise of the windows hides the direction.
    batches = [Batch(train_x[some].expand(127, 20, 64), train_y[some]) for some in torch.arange(100).split(20)]
    name = "blocks.fc1.synapse.1.weight"
    before = alignment(rule, network, memory, batches)[name]
    training = Training(network, rule, memory, rms(network.parameters()), constraints=(Bounds(-1, 1),))
    for _ in range(2):
        for some in torch.randperm(1000, generator=generator).split(10):
            learn(training, Batch(encoded(train_x[some], generator).double(), train_y[some]))
    after = alignment(rule, network, memory, batches)[name]
    assert after > before + 0.1, (before, after)
