"""Padded steps count neither in a loss nor in a measure: padded numbers are those without padding."""

import pytest
import torch
from torch import nn

from spikelearn.loading import Batches
from spikelearn.measure import evaluate
from spikelearn.network import Block, MembraneReadout, Network, RateReadout, StepReadout, TraceReadout
from spikelearn.neurons import LIF, CubaLIF
from spikelearn.plasticity import BPTT, DFA, FA, LOSSES, Batch, CrossEntropyRate, CrossEntropySteps, MSECount
from spikelearn.tasks import CLASSIFY, PerStep, Regress
from spikelearn.training import Training, learn

T, N = 7, 3
LENGTHS = [7, 4, 2]
READOUTS = {
    "rate": RateReadout,
    "weighted": lambda: RateReadout(decay=0.8),
    "linear": lambda: RateReadout(nn.Linear(N, N)),
    "membrane": MembraneReadout,
    "trace": TraceReadout,
}


def network(readout):
    torch.manual_seed(1)
    blocks = {
        "hidden": Block(nn.Linear(4, 6), LIF.per_step(0.8)),
        "out": Block(nn.Linear(6, N), CubaLIF(5e-3, 3e-3, r=5.0)),
    }
    return Network(blocks, readout=readout).double()


def samples():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(length, 1, 4, generator=generator, dtype=torch.float64) * 3 for length in LENGTHS]


def padded(targets, task, of=0.7):
    """All samples in one batch, what pads them being no silence."""
    inputs = torch.full((T, len(LENGTHS), 4), of, dtype=torch.float64)
    for place, one in enumerate(samples()):
        inputs[: len(one), place] = one[:, 0]
    return Batch(inputs, targets, lengths=torch.tensor(LENGTHS), task=task)


def targets_for(task):
    """Of the batch, and of each sample alone."""
    generator = torch.Generator().manual_seed(2)
    if task == CLASSIFY:
        return torch.tensor([0, 2, 1]), [torch.tensor([k]) for k in (0, 2, 1)]
    if task == Regress():
        real = torch.rand(3, N, generator=generator, dtype=torch.float64)
        return real, [row.unsqueeze(0) for row in real]
    if task == PerStep():
        numbers = torch.randint(0, N, (T, 3), generator=generator)
        return numbers, [numbers[:length, place, None] for place, length in enumerate(LENGTHS)]
    real = torch.rand(T, 3, N, generator=generator, dtype=torch.float64)
    return real, [real[:length, place, None] for place, length in enumerate(LENGTHS)]


CASES = [
    (loss, readout, task)
    for loss, kind in ((name, LOSSES.get(name)) for name in LOSSES)
    if kind.leaves_out_steps
    for task in (CLASSIFY, Regress(), PerStep(), PerStep(values=True))
    if task.name in kind.tasks and (task.loss == loss or task == CLASSIFY)
    for readout in READOUTS
]


@pytest.mark.parametrize(("loss", "readout", "task"), CASES, ids=str)
def test_a_padded_batch_has_the_numbers_of_its_samples_alone(loss, readout, task):
    made, build = LOSSES.get(loss)(), READOUTS[readout]
    net = network(StepReadout(build()) if task.per_step else build())
    whole, alone = targets_for(task)
    together = update(net, made, padded(whole, task))
    single = [update(net, made, Batch(one, target, task=task)) for one, target in zip(samples(), alone, strict=True)]
    for name, grad in together.grads.items():
        torch.testing.assert_close(grad, torch.stack([one.grads[name] for one in single]).mean(0))
    torch.testing.assert_close(together.loss, torch.stack([one.loss for one in single]).mean())
    # What stands in the padding does not matter.
    other = update(net, made, padded(whole, task, of=-2.0))
    torch.testing.assert_close(other.loss, together.loss)


def update(net, loss, batch):
    from spikelearn.neurons import ATan, Surrogate
    from spikelearn.plasticity.gradient.base import gradient_update

    names = [name for name, parameter in net.named_parameters()]
    needed = {name for name in names if not name.startswith("readout") or loss.name in ("cross-entropy", "mse")}
    if isinstance(net.readout, StepReadout):
        needed = set(names)
    return gradient_update(net, batch, loss, Surrogate(ATan()), sorted(needed))


@pytest.mark.parametrize("loss", [name for name in LOSSES if not LOSSES.get(name).leaves_out_steps])
def test_a_loss_that_cannot_leave_steps_out_says_so(loss):
    net, whole = network(TraceReadout()), targets_for(CLASSIFY)[0]
    with pytest.raises(ValueError, match=f"loss '{loss}' looks at every step, but lengths or valid leave some out"):
        update(net, LOSSES.get(loss)(), padded(whole, CLASSIFY))


@pytest.mark.parametrize("last", [False, True])
def test_a_loss_of_steps_is_that_of_the_last_valid_one_where_it_is_told(last):
    net, (whole, alone) = network(StepReadout(MembraneReadout())), targets_for(PerStep())
    found = update(net, CrossEntropySteps(last), padded(whole, PerStep())).loss
    with torch.no_grad():
        scores = [net.scores(net.run(one)[0])[:, 0] for one in samples()]
    each = [
        torch.nn.functional.cross_entropy(s[-1:] if last else s, y[-1:, 0] if last else y[:, 0])
        for s, y in zip(scores, alone, strict=True)
    ]
    torch.testing.assert_close(found, torch.stack(each).mean())


@pytest.mark.parametrize("rule", [FA, DFA])
def test_other_rules_of_a_loss_leave_padding_out(rule):
    torch.manual_seed(0)
    net, whole = network(RateReadout()), targets_for(CLASSIFY)[0]
    made = rule(CrossEntropyRate())
    memory = made.init(net, torch.Generator().manual_seed(0))
    first, second = (
        list(made.updates(net, padded(whole, CLASSIFY, of), memory, torch.Generator()))[-1] for of in (0.7, -3.0)
    )
    for name, grad in first.grads.items():
        torch.testing.assert_close(grad, second.grads[name])


def test_a_chunked_backward_pass_leaves_padding_out():
    net, whole = network(StepReadout(MembraneReadout())), targets_for(PerStep())[0]
    batch = padded(whole, PerStep())
    rule = BPTT(CrossEntropySteps(), memory_budget=0.0048)
    (chunked,) = rule.updates(net, batch, {}, torch.Generator())
    assert chunked.metrics["chunk"] < T
    (at_once,) = BPTT(CrossEntropySteps()).updates(net, batch, {}, torch.Generator())
    for name, grad in at_once.grads.items():
        torch.testing.assert_close(chunked.grads[name], grad)


def test_measures_leave_padding_out():
    net, (whole, alone) = network(StepReadout(MembraneReadout())), targets_for(PerStep())
    batch = padded(whole, PerStep())
    found = evaluate(net, Batches([(batch.inputs, batch.targets, batch.lengths)]))
    hits = 0
    for one, target in zip(samples(), alone, strict=True):
        part = evaluate(net, [(one, target)])
        assert part.counted == len(one)
        hits += round(part.accuracy * part.counted)
    assert found.counted == sum(LENGTHS)
    assert found.accuracy == hits / sum(LENGTHS)
    assert (found.samples, torch.tensor(found.confusion).sum().item()) == (3, sum(LENGTHS))


def test_a_readout_of_ones_own_refuses_lengths_by_name():
    class Sum(nn.Module):
        def forward(self, output):
            return output.spikes.sum(0)

    net = network(Sum())
    with pytest.raises(ValueError, match="the readout is a Sum, which reads every step"):
        learn(Training.start(net, BPTT(MSECount())), padded(targets_for(CLASSIFY)[0], CLASSIFY))
