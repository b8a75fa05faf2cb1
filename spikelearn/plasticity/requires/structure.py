"""Needs that concern the blocks and edges of a network, and how its inputs are made."""

from dataclasses import dataclass
from typing import Any

from torch import nn

from spikelearn.network import Network
from spikelearn.plasticity.requires.base import Need, Values
from spikelearn.synapses import front_and_weights, layers_with_weights, trainable


def sources(network: Network) -> list[str]:
    """Blocks that send feedback, in the order of the blocks."""
    sending = {edge.source for edge in network.feedback.values()}
    return [name for name in network.blocks if name in sending]


@dataclass(frozen=True)
class Chain(Need):
    """Blocks each fed by the one before, of which the last is read; ``why`` is a phrase behind the rule's name."""

    why: str
    instead: str = ""

    def check(self, network: Network, rule: str) -> None:
        if network.wiring.chain:
            return
        odd = [f"feedforward edge {name!r}" for name in network.feedforward]
        before = dict(zip(network.blocks, ["inputs", *network.blocks], strict=False))
        taken = network.wiring.sources.items()
        odd += [f"block {name!r} from {source!r}" for name, source in taken if source != before[name]]
        if list(network.outputs) != list(network.blocks)[-1:]:
            odd.append(f"readout from {', '.join(map(repr, network.outputs))}")
        cure = f", or {self.instead}" if self.instead else ""
        raise ValueError(
            f"{rule} {self.why}, but the network is a graph with {', '.join(odd)}: take a chain such as "
            f"784-400-10{cure}"
        )

    def __str__(self) -> str:
        return "a chain of blocks"


@dataclass(frozen=True)
class StaticEdges(Need):
    """Edges whose weights meet what one step of their source sent: no delays of single connections, no release."""

    def check(self, network: Network, rule: str) -> None:
        for place, edge in network.places.items():
            if edge.dynamic:
                found = f"short-term plasticity, {edge.release}" if edge.release else f"the synapse {edge.synapse}"
                raise ValueError(
                    f"{rule} takes it that weights meet what their source sends at one step, but the edge {place!r} "
                    f"has {found}: leave it out, or use a rule that knows it, such as bptt or stdp"
                )

    def __str__(self) -> str:
        return "no delays of single connections and no short-term plasticity"


@dataclass(frozen=True)
class PlainSynapses(Need):
    """One layer of weights in each synapse that learns: not a network of its own, such as a residual block."""

    def check(self, network: Network, rule: str) -> None:
        for place, edge in network.places.items():
            learning = layers_with_weights(edge.synapse)
            if len(learning) > 1:
                raise ValueError(
                    f"{rule} multiplies what meets a weight by what its target does, but the synapse of {place!r} is a "
                    f"network of {len(learning)} layers ({', '.join(learning)}), inside which no neuron is a target: "
                    "freeze it with requires_grad_(False), or take a rule that asks for its derivative, such as bptt "
                    "or dfa"
                )

    def __str__(self) -> str:
        return "one layer of weights in each synapse"


@dataclass(frozen=True)
class NoFeedback(Need):
    """A network without feedback edges; ``why`` is a phrase behind the rule's name, ``instead`` a further cure."""

    why: str
    instead: str = ""

    def check(self, network: Network, rule: str) -> None:
        if network.feedback:
            cure = f"leave them out, or {self.instead}" if self.instead else "leave them out"
            raise ValueError(f"{rule} {self.why}, but the network has feedback edges {list(network.feedback)}: {cure}")

    def __str__(self) -> str:
        return "no feedback edges"


@dataclass(frozen=True)
class FeedbackFromHidden(Need):
    """Feedback edges, if there are any, from blocks that are not read; ``why`` is a phrase behind the rule's name."""

    why: str

    def check(self, network: Network, rule: str) -> None:
        read = [name for name, edge in network.feedback.items() if edge.source in network.outputs]
        if read:
            raise ValueError(
                f"{rule} {self.why}, but the feedback edges {read} come from blocks that are read: leave them out, or "
                "train with bptt"
            )

    def __str__(self) -> str:
        return "no feedback from blocks that are read"


@dataclass(frozen=True)
class FeedbackFromLast(Need):
    """A feedback edge from the last block; ``why`` is a phrase behind the rule's name and before "feedback"."""

    why: str
    instead: str = ""

    @property
    def settings(self) -> Values:
        return {"net": "{input}-{hidden}(F{first})-{output}"}

    def check(self, network: Network, rule: str) -> None:
        last = list(network.blocks)[-1]
        starts = sources(network)
        if last not in starts:
            cure = f", or {self.instead}" if self.instead else ""
            raise ValueError(
                f"{rule} {self.why} feedback from the last block {last!r}, but the network has feedback from "
                f"{starts or 'no block'}: add an edge, for example 784-400(F400)-10 with a linear readout{cure}"
            )

    def __str__(self) -> str:
        return "feedback from the last block"


@dataclass(frozen=True)
class Delay(Need):
    """Steps that spikes take to arrive, of the ``first`` block and of ``later`` ones; ``why``: what these steps fit."""

    why: str
    first: int = 0
    later: int = 1

    @property
    def settings(self) -> Values:
        return {"delay": self.later}

    def check(self, network: Network, rule: str) -> None:
        for place, (name, block) in enumerate(network.blocks.items()):
            wanted = self.later if place else self.first
            if block.delay != wanted:
                raise ValueError(
                    f"block {name!r} has delay {block.delay}, expected {wanted}: {rule} {self.why} {self.first} for "
                    f"the first block and {self.later} for every later one: build(..., delay={self.later}) "
                    f"(--delay {self.later})"
                )

    def __str__(self) -> str:
        return f"{self.later} step of delay from block to block"


@dataclass(frozen=True)
class DenseLast(Need):
    """A dense layer of weights that stands last in every synapse; ``why`` is a phrase behind the rule's name."""

    why: str

    def check(self, network: Network, rule: str) -> None:
        for name, block in network.blocks.items():
            parts = front_and_weights(block.synapse)
            if parts is None or not isinstance(parts[1], nn.Linear):
                made = " ".join(repr(block.synapse).split())
                raise ValueError(
                    f"{rule} {self.why}, for which a dense layer must stand last in a synapse, but block {name!r} is "
                    f"{made}: take a network such as 784-400-10, without norms behind its weights or standardised ones"
                )

    def __str__(self) -> str:
        return "dense layers"


@dataclass(frozen=True)
class NoTrainableBias(Need):
    """Matrices of weights alone to learn in the blocks; ``why`` is a phrase behind the rule's name."""

    why: str

    @property
    def settings(self) -> Values:
        return {"bias": False}

    def check(self, network: Network, rule: str) -> None:
        for name, block in network.blocks.items():
            for key, parameter in trainable(block.synapse).items():
                if parameter.ndim < 2:
                    raise ValueError(
                        f"{rule} {self.why}, but block {name!r} has a trainable {key.rpartition('.')[2]} of shape "
                        f"{list(parameter.shape)}: build the network with bias=False (--no-bias) and without batch "
                        "norm, or freeze it with requires_grad_(False)"
                    )

    def __str__(self) -> str:
        return "no trainable bias"


class Encoding(Need):
    """Inputs that an encoder makes of still images, unless another is named.

    A network does not tell how its inputs were made, so nothing is refused.

    Args:
        encoder: its name.
        options: those of the encoder.
    """

    def __init__(self, encoder: str, **options: Any) -> None:
        self.encoder, self.options = encoder, options

    @property
    def still(self) -> Values:
        return {"encoder": self.encoder, **({"encoder_option": self.options} if self.options else {})}

    def check(self, network: Network, rule: str) -> None:
        """Accept every network."""

    def __str__(self) -> str:
        return f"still images encoded as {self.encoder}, unless another encoder is named"
