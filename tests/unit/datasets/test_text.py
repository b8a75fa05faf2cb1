"""The text that comes with Python: every sign is asked for once, behind the one before it."""

import pytest
import torch

from spikelearn.datasets import Text
from spikelearn.datasets.text import SIGNS, manual, numbers_of


def test_targets_are_the_next_signs():
    text = Text("train", length=50)
    first = "".join(SIGNS[k] if k < len(SIGNS) else "?" for k in text.signs[0].tolist())
    assert len(first) == 50
    assert all(a == b or b == "?" for a, b in zip(manual()[:50].lower(), first, strict=True))
    assert text.targets.flatten()[:-1].equal(text.signs.flatten()[1:])
    frames = text.frames([3, 8], 50)
    assert frames.shape == (50, 2, 32)
    assert frames.argmax(2).T.equal(text.signs[[3, 8]])
    assert frames.sum(2).eq(1).all()
    assert numbers_of("aZ 7\u00e9\n").tolist() == [0, 25, 26, 30, 31, 27]


def test_the_test_follows_the_training():
    train, test = Text("train", length=20), Text("test", length=20)
    signs = torch.from_numpy(numbers_of(manual()))
    assert train.signs.flatten().equal(signs[: train.signs.numel()])
    assert signs[int(0.9 * len(signs)) :][: test.signs.numel()].equal(test.signs.flatten())


def test_what_is_refused():
    with pytest.raises(ValueError, match=r"pieces of text have 25 signs, and 30 steps .*--data-option length=30"):
        Text().check_steps(30)
    with pytest.raises(ValueError, match="length is 99999999, expected"):
        Text(length=99999999)
