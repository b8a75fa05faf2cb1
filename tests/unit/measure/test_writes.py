import pytest
import torch

from spikelearn.measure import Writes, writes


def test_by_hand():
    before = {"w": torch.tensor([[1.0, 2.0], [3.0, 4.0]]), "b": torch.tensor([0.0])}
    after = {"w": torch.tensor([[1.0, 2.5], [3.0, 4.0]]), "b": torch.tensor([-1e-9])}
    found = writes(before, after, updates=10, energy_per_write=2.0)
    assert found == Writes(2, 2 / 5, {"w": 0.25, "b": 1.0}, 10, 20, 40.0)
    assert writes(before, before).changed == 0
    assert writes(before, after).energy is None
    assert "no energy per write" in writes(before, after).reason


@pytest.mark.parametrize(
    ("after", "more", "words"),
    [
        ({"v": torch.ones(2)}, {}, "the same parameters"),
        ({"w": torch.ones(3)}, {}, "has shape"),
        ({"w": torch.ones(2)}, {"updates": -1}, "updates"),
        ({"w": torch.ones(2)}, {"energy_per_write": 0.0}, "energy_per_write"),
    ],
)
def test_what_is_refused(after, more, words):
    with pytest.raises(ValueError, match=words):
        writes({"w": torch.zeros(2)}, after, **more)
