"""Factors of a rule: the signals that the change of a synapse depends on."""

from typing import Literal, get_args

#: "pre": activity of the neuron or input before the synapse. "post": state of the neuron behind it. "targets": what the
#: samples should give. "error": the activity of the network's output. "weights": weights of other
#: synapses than those into the same neuron. "record": the record of every step, so that what an update keeps grows with
#: their number.
Factor = Literal["pre", "post", "targets", "error", "weights", "record"]
FACTORS: tuple[str, ...] = get_args(Factor)

Factors = frozenset[Factor]

LOCAL: Factors = frozenset({"pre", "post"})
SUPERVISED: Factors = LOCAL | {"targets", "error"}
#: Backpropagation through time needs them all.
ALL: Factors = SUPERVISED | {"weights", "record"}
