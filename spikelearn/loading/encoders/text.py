"""Encoders from text: one, one behind another, several side by side."""

import re
from collections.abc import Mapping
from typing import Any

from spikelearn.component_text import several
from spikelearn.loading.encoders.base import ENCODERS, Encoder
from spikelearn.loading.encoders.pipeline import Pipeline
from spikelearn.loading.encoders.together import Together


def encoder_from(text: str, options: Mapping[str, Any] | None = None) -> Encoder:
    """The encoder that text describes: ``a/b`` is b behind a, ``a+b`` are both side by side, ``a/b+c`` a/b beside c.

    Args:
        text: encoders as ``ENCODERS.make`` takes them, joined by ``/`` and ``+``.
        options: further options, where there is one encoder alone.

    Raises:
        ValueError: an unknown encoder or option; options of several; a code ahead of another encoder.
    """
    codes = [re.split(r"/(?=[a-z])", code) for code in several(text)]
    if len(codes) == len(codes[0]) == 1:
        return ENCODERS.make(text, options)
    if options:
        raise ValueError(
            "encoder_option is of one encoder, and several are joined: write rate:max_rate=0.5+latency, or "
            "gamma:power=2/latency"
        )
    made = [[ENCODERS.make(stage) for stage in code] for code in codes]
    pipelines = [stages[0] if len(stages) == 1 else Pipeline(stages) for stages in made]
    return pipelines[0] if len(pipelines) == 1 else Together(pipelines)
