"""Runs whose factors are written out, against those of the engine that serves every network."""

import pytest
import torch

from spikelearn.network import MembraneReadout, Network, build
from spikelearn.neurons import LIF, LeakyIntegrator
from spikelearn.plasticity import RULES, Batch, Update
from spikelearn.plasticity.three_factor import rule as engine
from spikelearn.seeding import generator_for
from spikelearn.training import Training, learn

RULES_AND_FORMS = (
    "ottt-online",
    "s-tllr-online",
    "ottt:form=step",
    "ottt:inputs=false",
    "s-tllr:form=step",
    "s-tllr:decay=0.5,last_steps=7",
)


def _learned(rule: str) -> tuple[Network, Update, Batch]:
    """Two batches of a rule on a small network, whose first layer does not learn its bias."""
    made = generator_for(0, "weights")
    network = build(
        "12-9-8-4",
        lambda: LIF.per_step(0.6, v_threshold=0.4, reset="subtract"),
        output=lambda: LeakyIntegrator.per_step(0.3),
        readout=MembraneReadout(),
        generator=made,
    ).double()
    next(p for name, p in network.named_parameters() if name.endswith("bias")).requires_grad_(False)
    torch.manual_seed(0)
    batch = Batch((torch.rand(7, 6, 12) < 0.4).to(torch.uint8), torch.arange(6) % 4)
    training = Training.start(network, RULES.make(rule))
    learn(training, batch)
    return network, learn(training, batch), batch


@pytest.mark.parametrize("rule", RULES_AND_FORMS)
def test_what_is_learned_is_what_the_engine_learns(rule: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(engine, "fits", lambda *given, fits=engine.fits: asked.append(fits(*given)) or asked[-1])
    plain, update, _ = _learned(rule)
    assert all(asked)
    assert asked
    monkeypatch.setattr(engine, "fits", lambda *_: False)
    general, expected, _ = _learned(rule)
    torch.testing.assert_close(dict(plain.named_parameters()), dict(general.named_parameters()))
    torch.testing.assert_close(update.grads, expected.grads)
    torch.testing.assert_close(update.scores, expected.scores)
    assert update.rates == expected.rates
    assert min(update.rates.values()) > 0.01
    assert float(update.loss) == pytest.approx(float(expected.loss))
