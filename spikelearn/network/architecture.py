"""Architecture strings as papers write them: ``784-400-10``, ``15C5-P2-40C5-P2-300-10``, ``64C5s-10``."""

import re
from dataclasses import dataclass, field, replace
from typing import NoReturn

from spikelearn.checks import one_of
from spikelearn.network.connections import EVERY, WORDS, Connections, is_word, with_words
from spikelearn.network.laws import Sign

GRAMMAR = (
    "300 or FC300 (dense), 784= (one to one: each neuron takes what arrives at its number, as it is), "
    "15C5 (15 filters of 5x5; marks: s stride 2, s3 stride 3, p same padding, p2 padding 2, r or "
    "r2 the same with reflected images in place of zeros), "
    "P2 or AP2 (average pool), MP2 (max pool), SP2 (sum pool, SP2x1.1: times 1.1), each with an optional stride s1; "
    "16R3 (a residual block: two convolutions of 3x3 and a way past them); behind the last layer but one (F400), "
    "(F64C5) or (F96C3u): feedback to the first layer, u by a transposed convolution of stride 2; (F400x) behind the "
    "first layer: from it to itself, but from no neuron to itself; behind any layer (by name fc1, fc2, conv1, res1 "
    "...) (<inputs) or (<fc1): takes from there, not from the layer before; (+fc1): takes from there too, by weights "
    "of its own; (=fc1): adds the spikes from there as they are; (>fc1): sends back to there, or to itself, one step "
    "late; @NAME behind one of these or of a feedback, as in (+fc1@inhibitory): drives the neurons' current of that "
    "name; (out): is read; (x2.74): what arrives is multiplied "
    "by that; (ws): the weights into it "
    "are standardised, also those into a layer that is read; (exc), (inh) or (exc80): neurons that send by weights of "
    "one sign, the first 80 of them excitatory and the others inhibitory; (lateral0.5): its neurons inhibit each "
    f"other; words about connections by themselves, as in (p0.1 d1..5), or behind an edge, as in (>fc1 x p0.1): "
    f"{WORDS}, x (none to itself)"
)

_BEHIND = "feedback stands behind a dense or convolutional layer, as in 400(F400) or 64C5(F64C5)"

#: Largest number of neurons, filters or pixels in a token.
LARGEST = 1_000_000

_DENSE = re.compile(r"(?:FC)?(?P<n>\d+)(?:FC|(?P<same>=))?", re.IGNORECASE | re.ASCII)
_CONV = re.compile(r"(?P<n>\d+)C(?P<k>\d+)(?P<marks>(?:[spr]\d*)*)", re.IGNORECASE | re.ASCII)
_POOL = re.compile(r"(?P<kind>[AMS]?)P(?P<k>\d+)(?:s(?P<s>\d+))?(?:x(?P<gain>\d+\.?\d*))?", re.IGNORECASE | re.ASCII)
_RESIDUAL = re.compile(r"(?P<n>\d+)R(?P<k>\d+)(?P<s>s\d*)?", re.IGNORECASE | re.ASCII)
_FACTOR = re.compile(r"x(?P<k>\d+\.?\d*)", re.IGNORECASE | re.ASCII)
#: A hyphen in parentheses belongs to a name or a number.
_SPLIT = re.compile(r"-(?![^()]*\))", re.ASCII)
_MARKED = re.compile(r"(?P<layer>[^()]*)(?P<marks>(?:\([^()]+\)\s*)+)", re.ASCII)
_EDGE = re.compile(r"(?P<kind>[<+=>])(?P<name>[a-z]+\d*)", re.ASCII)
_SIGN = re.compile(r"(?P<kind>exc|inh)(?P<n>\d*)", re.IGNORECASE | re.ASCII)
_LATERAL = re.compile(r"lateral(?P<g>\d+\.?\d*)", re.IGNORECASE | re.ASCII)
_BACK = re.compile(r"(?P<n>\d+)(?:C(?P<k>\d+)(?P<up>u?)|(?P<others>x))?", re.IGNORECASE | re.ASCII)
_IMAGE = re.compile(r"(?:(?P<c>\d+)x)?(?P<h>\d+)x(?P<w>\d+)", re.IGNORECASE | re.ASCII)


@dataclass(frozen=True)
class Back:
    """Feedback to the first layer: ``size`` neurons or maps; ``kernel`` 0 is dense; ``up`` doubles the image.

    ``others`` leaves out the way of each neuron to itself. ``current`` names the current that it drives; None: that of
    the layer's own synapse.
    """

    size: int
    kernel: int = 0
    up: bool = False
    others: bool = False
    current: str | None = None
    connections: Connections = EVERY


@dataclass(frozen=True)
class Joined:
    """A further edge from ``source``, the inputs or an earlier block: by weights, or its spikes as they are.

    Among the edges that a layer ``returns`` it is the block that they go to. ``current`` names the current that it
    drives; None: that of the layer's own synapse.
    """

    source: str
    weights: bool = True
    current: str | None = None
    connections: Connections = EVERY


@dataclass(frozen=True, kw_only=True)
class Wired:
    """A layer's sources besides, or instead of, the one before (``source``), and whether the readout reads it.

    ``standardised``: whether the weights into it are. ``scale``: a factor on what arrives by its own synapse.
    ``returned``: feedback edges to blocks by name. ``connections``: those of its own synapse. ``sign``: that of the
    weights by which it sends. ``lateral``: strength by which its neurons inhibit each other.
    """

    source: str | None = field(default=None, repr=False)
    joined: tuple[Joined, ...] = field(default=(), repr=False)
    read: bool = field(default=False, repr=False)
    standardised: bool = field(default=False, repr=False)
    scale: float = field(default=1.0, repr=False)
    returned: tuple[Joined, ...] = field(default=(), repr=False)
    connections: Connections = field(default=EVERY, repr=False)
    sign: Sign | None = field(default=None, repr=False)
    lateral: float = field(default=0.0, repr=False)


@dataclass(frozen=True)
class Dense(Wired):
    """``size`` neurons, each connected to everything before, or ``same``: to its number; ``back`` is feedback."""

    size: int
    back: Back | None = None
    same: bool = False


@dataclass(frozen=True)
class Conv(Wired):
    """``filters`` maps of ``kernel`` x ``kernel`` weights; what pads is 0, or the image ``reflected``."""

    filters: int
    kernel: int
    stride: int = 1
    padding: int = 0
    back: Back | None = None
    reflected: bool = False


@dataclass(frozen=True)
class Residual(Wired):
    """``filters`` maps behind two convolutions of ``kernel`` x ``kernel`` weights, and a way past them."""

    filters: int
    kernel: int
    stride: int = 1
    back: Back | None = None


@dataclass(frozen=True)
class Pool:
    """A window of ``kernel`` x ``kernel``; ``kind`` is "average", "max" or "sum"; ``gain`` is a factor on the sum."""

    kind: str
    kernel: int
    stride: int
    gain: float = 1.0


Neurons = Dense | Conv | Residual
Layer = Neurons | Pool


def parse(text: str) -> tuple[tuple[int, ...] | None, list[Layer]]:
    """Read an architecture string.

    The first token is the input (``784``, ``28x28``, ``2x34x34``) where what follows is dense or the token is an
    image; a string that begins with a convolution or a pool leaves the input to the data.

    Returns:
        the input shape, (n,) or (C, H, W) or None where the string does not say, and the layers.

    Raises:
        ValueError: a token that cannot be read; it is quoted with its position.
    """
    tokens, place = [], 0
    for token in _SPLIT.split(text):
        tokens.append((token.strip(), place + len(token) - len(token.lstrip())))
        place += len(token) + 1
    if not text.strip():
        raise ValueError(f"the network string is empty, expected tokens joined by '-': {GRAMMAR}")
    shape, rest = _input_of(text, tokens)
    layers = [_layer(text, token, at) for token, at in rest]
    if not layers:
        raise ValueError(f"network string {text!r} has an input but no layer after it, for example 784-400-10")
    if isinstance(layers[-1], Pool):
        _fail(text, *tokens[-1], "a network ends in neurons, a pool has none: end in a dense layer")
    return shape, layers


def _input_of(text: str, tokens: list[tuple[str, int]]) -> tuple[tuple[int, ...] | None, list[tuple[str, int]]]:
    first, at = tokens[0]
    if image := _IMAGE.fullmatch(first):
        shape: tuple[int, ...] = (int(image["c"] or 1), int(image["h"]), int(image["w"]))
    elif re.fullmatch(r"[0-9]+", first):
        shape = (int(first),)
    else:
        return None, tokens
    if not 0 < min(shape) <= max(shape) <= LARGEST:
        _fail(text, first, at, f"the input needs sizes from 1 to {LARGEST:,}")
    return shape, tokens[1:]


def _layer(text: str, token: str, at: int) -> Layer:
    layer: Layer
    if marked := _MARKED.fullmatch(token):
        return _marked(text, token, at, marked)
    if match := _DENSE.fullmatch(token):
        layer = Dense(int(match["n"]), same=bool(match["same"]))
    elif match := _CONV.fullmatch(token):
        layer = _conv(text, token, at, match)
    elif match := _RESIDUAL.fullmatch(token):
        stride = int((match["s"] or "s1")[1:] or 2)
        if int(match["k"]) % 2 == 0:
            _fail(text, token, at, "a residual block pads by half an odd kernel")
        layer = Residual(int(match["n"]), int(match["k"]), stride)
    elif match := _POOL.fullmatch(token):
        kinds = {"": "average", "A": "average", "M": "max", "S": "sum"}
        kind, kernel = kinds[match["kind"].upper()], int(match["k"])
        if match["gain"] and kind != "sum":
            _fail(text, token, at, "only a sum pool has a factor, for example SP2x1.1")
        layer = Pool(kind, kernel, int(match["s"] or kernel), float(match["gain"] or 1.0))
    else:
        _fail(text, token, at, f"expected {GRAMMAR}")
    sizes = {key: value for key, value in vars(layer).items() if type(value) in (int, float)}
    if any(value == 0 for key, value in sizes.items() if key not in ("padding", "lateral")):
        _fail(text, token, at, "sizes and strides must be at least 1")
    if max(sizes.values()) > LARGEST:
        _fail(text, token, at, f"sizes go up to {LARGEST:,}")
    return layer


def _marked(text: str, token: str, at: int, match: re.Match[str]) -> Layer:
    """A layer with its marks in parentheses."""
    layer = _layer(text, match["layer"].strip(), at)
    if isinstance(layer, Pool):
        _fail(text, token, at, f"{_BEHIND}, as do all marks: a pool has no neurons")
    for mark in re.findall(r"\(([^()]+)\)", match["marks"]):
        layer = _with_mark(text, token, at, layer, mark.strip())
    return layer


def _with_mark(text: str, token: str, at: int, layer: Neurons, mark: str) -> Neurons:
    out, standard = mark.lower() == "out", mark.lower() == "ws"
    if (out and layer.read) or (standard and layer.standardised):
        _fail(text, token, at, f"the mark ({mark}) stands twice")
    if factor := _FACTOR.fullmatch(mark):
        if layer.scale != 1.0 or float(factor["k"]) in (0.0, 1.0) or float(factor["k"]) > LARGEST:
            _fail(text, token, at, f"a layer has one factor, not 0 or 1 and at most {LARGEST:,}, for example (x2.74)")
        return replace(layer, scale=float(factor["k"]))
    if out or standard:
        return replace(layer, read=layer.read or out, standardised=layer.standardised or standard)
    if lateral := _LATERAL.fullmatch(mark):
        if layer.lateral or float(lateral["g"]) == 0.0:
            _fail(text, token, at, "a layer has one inhibition of its neurons by each other, above 0")
        return replace(layer, lateral=float(lateral["g"]))
    if sign := _SIGN.fullmatch(mark):
        if layer.sign is not None or (sign["n"] and sign["kind"].lower() == "inh"):
            _fail(text, token, at, "a layer has one sign, as (exc), (inh) or (exc80)")
        kinds = {"exc": "excitatory", "inh": "inhibitory"}
        return replace(layer, sign=int(sign["n"]) if sign["n"] else kinds[sign["kind"].lower()])
    return _with_edge(text, token, at, layer, mark)


def _with_edge(text: str, token: str, at: int, layer: Neurons, mark: str) -> Neurons:
    """A layer with one more edge, or with what is said of its own."""

    def fail(why: str) -> NoReturn:
        _fail(text, token, at, why)

    # Blanks part words, but not what stands on both sides of a sign.
    head, *words = re.sub(r"(?<=^[<+=>Ff])\s+|\s*(@)\s*", r"\1", mark).split()
    if is_word(head):
        return replace(layer, connections=with_words(layer.connections, [head, *words], fail))
    head, named, name = head.partition("@")
    if named and not name.isidentifier():
        fail("'@' stands before the name of a current, as in (+fc1@inhibitory)")
    current, connections = name or None, with_words(EVERY, words, fail)
    if edge := _EDGE.fullmatch(head):
        kind, joined = edge["kind"], Joined(edge["name"], edge["kind"] != "=", current, connections)
        if connections.others and kind != ">":
            fail("x leaves out the way of each neuron to itself, which feedback alone has, as in (>fc1 x)")
        if not joined.weights and connections.listed:
            fail("'=' adds spikes as they are, without weights: write '+'")
        if kind == ">":
            return replace(layer, returned=(*layer.returned, joined))
        if kind != "<":
            return replace(layer, joined=(*layer.joined, joined))
        if layer.source is not None or named:
            fail("a layer takes from one place by '<', to one current; further ones are added by '+'")
        return replace(layer, source=edge["name"], connections=with_words(layer.connections, words, fail))
    if head[:1].upper() != "F" or layer.back is not None:
        fail(f"expected {GRAMMAR}")
    back = _back(text, token, at, head[1:])
    if connections.listed and back.kernel:
        fail("only dense feedback lists its connections")
    connections = replace(connections, others=connections.others or back.others)
    return replace(layer, back=replace(back, current=current, connections=connections, others=connections.others))


def _back(text: str, token: str, at: int, mark: str) -> Back:
    back = _BACK.fullmatch(mark.strip())
    if back is None:
        _fail(text, token, at, _BEHIND)
    back_edge = Back(int(back["n"]), int(back["k"] or 0), bool(back["up"]), bool(back["others"]))
    if max(back_edge.size, back_edge.kernel) > LARGEST:
        _fail(text, token, at, f"sizes go up to {LARGEST:,}")
    if back_edge.size == 0 or (back["k"] and back_edge.kernel % 2 == 0):
        _fail(text, token, at, "feedback needs at least one neuron, and an odd kernel, which is padded by its half")
    return back_edge


def _conv(text: str, token: str, at: int, match: re.Match[str]) -> Conv:
    kernel = int(match["k"])
    marks = re.findall(r"([spr])(\d*)", match["marks"], re.IGNORECASE | re.ASCII)
    letters = [letter.lower() for letter, _ in marks]
    if len(set(letters)) != len(letters):
        _fail(text, token, at, f"the mark {one_of('', letters)} stands twice")
    values = {letter.lower(): digits for letter, digits in marks}
    stride = int(values["s"] or 2) if "s" in values else 1
    if "p" in values and "r" in values:
        _fail(text, token, at, "'p' pads by zeros and 'r' by the reflected image: write one of them")
    padding = 0
    for mark in {"p", "r"} & values.keys():
        if not values[mark] and kernel % 2 == 0:
            _fail(text, token, at, f"'{mark}' alone pads by half an odd kernel; write the number, for example {mark}1")
        padding = int(values[mark] or kernel // 2)
    return Conv(int(match["n"]), kernel, stride, padding, reflected="r" in values)


def _fail(text: str, token: str, at: int, why: str) -> NoReturn:
    raise ValueError(f"network string {text!r}: cannot read {token!r} at character {at + 1}: {why}")
