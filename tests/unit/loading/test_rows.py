"""Images row by row."""

import pytest
import torch

from spikelearn.loading import Rows
from spikelearn.runs import Settings

PIXELS = torch.linspace(0, 1, 2 * 3 * 4 * 5).view(2, 3, 4, 5)
INDICES, KEY = torch.arange(2), (0, "train", 0)


def test_each_row_is_shown_once_and_in_order():
    found = Rows()(PIXELS, 4, INDICES, KEY)
    assert found.shape == (4, 2, *Rows().shape_of((3, 4, 5))) == (4, 2, 3, 1, 5)
    for t, step in enumerate(found):
        assert step[:, :, 0].equal(PIXELS[:, :, t])


def test_more_steps_show_each_row_longer():
    found = Rows(gain=2.0)(PIXELS, 12, INDICES, KEY)
    assert found.equal(2.0 * Rows()(PIXELS, 4, INDICES, KEY)[torch.arange(12) // 3])


@pytest.mark.parametrize(("steps", "cure"), [(3, "take 4 steps"), (6, "take 8 steps"), (13, "take 12 steps")])
def test_rows_of_unequal_length_are_refused(steps, cure):
    with pytest.raises(ValueError, match=f"has 4 rows and n_steps is {steps}, expected a multiple.*{cure}"):
        Rows()(PIXELS, steps, INDICES, KEY)


def test_what_has_no_rows_is_refused():
    with pytest.raises(ValueError, match="shape .7., expected images"):
        Rows()(torch.rand(2, 7), 7, INDICES, KEY)


def test_a_run_takes_rows_by_name():
    settings = Settings(data="digits", encoder="rows:gain=3", net="8-6(>fc1)-10", steps=8)
    assert settings.make_encoder().gain == 3.0
    assert settings.sample_shape() == (1, 1, 8)
