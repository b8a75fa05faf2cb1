"""Networks from an architecture string, or from the plain values that a run's settings hold."""

import math
from collections.abc import Sequence
from typing import Literal, get_args

import torch
from torch import nn

from spikelearn.checks import check_choice, check_count, one_of
from spikelearn.network.architecture import Back, Conv, Dense, Joined, Layer, Neurons, Pool, parse
from spikelearn.network.block import Block, Feedback, Feedforward
from spikelearn.network.connections import release_of, synapse_of
from spikelearn.network.initialisers import Initialiser, Uniform
from spikelearn.network.laws import Sign
from spikelearn.network.layers import feedback_edge, joining_edge, module_of, returning_edge, widened
from spikelearn.network.network import Network
from spikelearn.network.readouts import READOUTS, FittedReadout, Readout
from spikelearn.neurons import LIF, Adjoint, NeuronFactory
from spikelearn.synapses import LateralInhibition, MagnitudeNorm, Normalise, SampleNorm, Scale, standardise

InputNorm = Literal["batch", "sample", "magnitude", "length", "mean-square"]


def build(
    architecture: str,
    neuron: NeuronFactory = LIF.per_step,
    *,
    input_shape: Sequence[int] | None = None,
    output: NeuronFactory | None = None,
    readout: nn.Module | str | None = None,
    bias: bool = True,
    delay: int = 0,
    batch_norm: bool = False,
    output_norm: bool = True,
    weight_standardisation: bool = False,
    input_norm: InputNorm | None = None,
    spectral_feedback: bool = False,
    adjoint: Adjoint | str | None = None,
    init: Initialiser | None = None,
    generator: torch.Generator | None = None,
) -> Network:
    r"""A network from a string such as ``784-400-10`` or ``15C5-P2-40C5-P2-300-10``.

    Dense and convolutional layers become blocks ``fc1, fc2, ...`` and ``conv1, ...``; pooling and flattening stand in
    front of the next block's weights. Convolutions are without padding and with stride 1 unless marked. Feedback,
    as in ``784-400(F400)-10``, goes to the first block, without bias, one step late; ``(F400x)`` from that block itself
    leaves out the way of each neuron to itself. ``16R3`` is a block ``res1`` whose
    synapse is ``Residual``.

    Marks behind a layer make a graph. In ``784-400-100(<inputs)-10(+fc1)`` two populations see the inputs, and the
    output takes from both: from the one before it, ``fc2``, and by weights without bias (of a convolution of 1 x 1 to
    an image) from ``fc1`` too, over the edge ``fc1_to_fc3``; ``(=fc1)`` adds its spikes as they are.
    ``(+fc1@inhibitory)`` and ``(F400@inhibitory)`` drive the neurons' current of that name. The readout reads the
    layers marked ``(out)``, side by side, else the last. The weights into a layer marked ``(ws)`` are standardised,
    those into a layer that is read too.

    Populations: in ``784-80(exc)(>fc1)-20(inh)(>fc1)(>fc2)-10(<fc1)`` excitatory neurons ``fc1`` and inhibitory ones
    ``fc2``, which take from ``fc1``, send to each other and to themselves, one step late where an edge goes back
    (``fc2_to_fc1``); all weights by which they send keep their sign (``Network.with_signs``), as of (exc80) the first
    80 and the others. Words say which connections there are, ``400(p0.1)`` or ``400(k20)`` (``SparseLinear``), how late
    they are, ``(d1..20)``, or that this is learned, ``(dcls20)`` (``DelayedLinear``), and what a spike releases,
    ``(tsodyks-markram:u=0.2,tau_rec=0.5)``; of a further edge they stand behind it: ``(>fc1 x p0.1 d1..3)``.
    ``(lateral0.5)`` is ``LateralInhibition`` in a layer.

    Args:
        architecture: the string; a leading number or ``2x34x34`` is the input.
        neuron: called once for every block; of a class that has one, the per-step form is taken (``LIF`` is
            ``LIF.per_step``: unit gain, decay 0.9), as everywhere where no time constant is named.
        input_shape: shape of one image, (C, H, W) or (n,); needed where the string begins with a convolution.
        output: called for the blocks that are read instead, for example ``LeakyIntegrator``.
        readout: from the last block's activity to scores, or the name of one, which is then made to fit the last block;
            None: as ``Network`` chooses; "linear": the last number of the string is no block but a linear layer on the
            rates of the block before, weighted by its neurons' decay.
        bias: whether synapses have a bias.
        delay: steps that spikes take from block to block; the input arrives at once.
        batch_norm: whether a batch norm stands behind the weights of every block, none behind feedback.
        output_norm: whether it then stands behind those of the blocks that are read, too.
        weight_standardisation: whether all weights into blocks that are not read are standardised
            (``WeightStandardisation``), those of further and feedback edges too.
        input_norm: a norm that learns nothing, in front of the weights of every block, at every step: "batch", of the
            batch; "sample", ``SampleNorm``; "length" or "mean-square", ``Normalise`` to that size; "magnitude",
            ``MagnitudeNorm``, in front of all but the first.
        spectral_feedback: whether feedback weights are reparametrised to a bounded spectral norm (``SpectralGain``).
        adjoint: how derivatives cross the neurons in a loop of your own, for example "atan"; see
            ``Network.with_adjoint``. Rules bring their own.
        init: how weights are drawn; None: ``Uniform()``, torch's default.
        generator: where the weights come from; None: torch's global generator.

    Shapes: the network takes [T, B, *input_shape].

    Raises:
        ValueError: a wrong string, with the place; an input that does not fit; a layer larger than its image; feedback
            that does not fit the first block; a source that does not stand before its target, or does not fit it; a
            readout of classes without a block before it; pools of what is no image; weights that cannot be
            standardised; an unknown ``input_norm``.
    """
    check_count("delay", delay, least=0)
    if input_norm is not None:
        check_choice("input_norm", input_norm, get_args(InputNorm))
    named, given = (READOUTS.get(readout), None) if isinstance(readout, str) else (None, readout)
    written, layers = parse(architecture)
    shape = _input_shape(architecture, written, input_shape)
    classes = _classes(architecture, layers, named) if named is not None and named.takes_last_number else None
    made = _Blocks(architecture, shape, bias=bias, delay=delay, input_norm=input_norm, generator=generator)
    neurons = [layer for layer in layers if not isinstance(layer, Pool)]
    read = [layer.read for layer in neurons] if any(layer.read for layer in neurons) else _last(neurons)
    outputs = iter(read)
    for layer in layers:
        if isinstance(layer, Pool):
            made.front.append(layer)
        elif next(outputs):
            made.outputs.append(made.add(layer, output or neuron, norm=batch_norm and output_norm))
        else:
            made.add(layer, neuron, norm=batch_norm, standard=weight_standardisation)
    feedback = made.returning(spectral=spectral_feedback)
    network = Network(
        made.blocks,
        feedback,
        made.readout(named, classes) if named is not None else given,
        feedforward=made.joined,
        outputs=made.outputs,
        input_shape=input_shape,
    ).with_adjoint(adjoint)
    network.with_signs(made.signs)
    if generator is not None or init is not None:
        (init or Uniform())(network, generator or torch.default_generator)
        network.with_signs(made.signs)
    return network


class _Blocks:
    """The blocks of a string, layer after layer; what stands in front of the next weights waits."""

    def __init__(
        self,
        architecture: str,
        shape: tuple[int, ...],
        *,
        bias: bool,
        delay: int,
        input_norm: InputNorm | None,
        generator: torch.Generator | None,
    ) -> None:
        self.architecture, self.input, self.bias, self.delay = architecture, shape, bias, delay
        self.input_norm, self.generator = input_norm, generator
        self.blocks: dict[str, Block] = {}
        self.joined: dict[str, Feedforward] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.backs: dict[str, Back] = {}
        self.returned: dict[str, tuple[Joined, ...]] = {}
        self.lateral: dict[str, float] = {}
        self.signs: dict[str, Sign] = {}
        self.standardised: set[str] = set()
        self.front: list[Pool] = []
        self.outputs: list[str] = []

    def add(self, layer: Neurons, neuron: NeuronFactory, *, norm: bool, standard: bool = False) -> str:
        """Make a block of ``layer``, with a batch norm behind its weights or standardised ones; returns its name."""
        kind = {Dense: "fc", Conv: "conv"}.get(type(layer), "res")
        name = f"{kind}{1 + sum(known.startswith(kind) for known in self.blocks)}"
        before = next(reversed(self.blocks), "inputs")
        source = before if layer.source is None else self._known(name, layer.source)
        made = _per_step_form(neuron)()
        for known in self.blocks.values():
            made.share(known.neuron)
        computed = norm or standard or layer.standardised
        synapse, current = self._synapse(layer, made.channels, self._sent()[source], norm, computed)
        shape = made.shape_of(current)
        own = None if source == before else source
        release = release_of(layer.connections, made.dt)
        self.blocks[name] = Block(synapse, made, delay=self._delay(source), release=release, source=own)
        self.returned[name], self.lateral[name] = layer.returned, layer.lateral
        if layer.sign is not None:
            self.signs[name] = layer.sign
        self.shapes[name], self.front = shape, []
        for joined in layer.joined:
            from_ = self._known(name, joined.source)
            edge = joining_edge(
                *(self.architecture, joined, name, self._sent(), current, self._delay(from_)),
                standard=standard or layer.standardised,
                dt=made.dt,
                generator=self.generator,
            )
            if f"{from_}_to_{name}" in self.joined:
                raise ValueError(f"network string {self.architecture!r}: {name!r} takes from {from_!r} twice")
            self.joined[f"{from_}_to_{name}"] = edge
        if standard or layer.standardised:
            self.standardised.add(name)
            for place in (self.blocks[name], *(edge for edge in self.joined.values() if edge.target == name)):
                standardise(place.synapse)
        if layer.back is not None:
            self.backs[name] = layer.back
        return name

    def readout(self, kind: type[Readout], classes: int | None) -> Readout:
        """A readout of the blocks that are read, of as many classes as they have neurons where nothing else is said."""
        units = sum(math.prod(self.shapes[name]) for name in self.outputs)
        pools, pooled = self._pools(self.shapes[self.outputs[-1]])
        units = math.prod(pooled) if pools else units
        made = [kind.behind(self.blocks[name].neuron, units, classes or units) for name in self.outputs]
        found = made[-1]
        if pools and isinstance(found, FittedReadout):
            if len(self.outputs) > 1:
                raise ValueError(
                    f"network string {self.architecture!r} pools what is read of {', '.join(self.outputs)}, which "
                    "stand side by side and are no image: drop the last pool, or read one block"
                )
            found.front = nn.Sequential(*pools)
        return found

    def _pools(self, shape: tuple[int, ...]) -> tuple[list[nn.Module], tuple[int, ...]]:
        """The pools that wait, for what arrives with ``shape``, and the shape of their result."""
        found: list[nn.Module] = []
        for pool in self.front:
            module, shape = module_of(self.architecture, pool, shape, self.bias)
            found.append(module)
        return found, shape

    def _synapse(
        self, layer: Neurons, channels: int, shape: tuple[int, ...], norm: bool, computed: bool
    ) -> tuple[nn.Module, tuple[int, ...]]:
        """The synapse of a block, the pools that wait before its weights, and the shape of its neurons' current."""
        layer = widened(layer, channels)
        if layer.connections.listed:
            return self._listed(layer, shape, computed)
        parts, shape = self._pools(shape)
        parts += [Scale(layer.scale)] if layer.scale != 1.0 else []
        module, after = module_of(self.architecture, layer, shape, self.bias)
        parts += [nn.Flatten()] if isinstance(layer, Dense) else []
        parts += self._input_norm(
            math.prod(shape) if isinstance(layer, Dense) else shape[0], dense=isinstance(layer, Dense)
        )
        parts.append(module)
        if norm:
            parts.append(nn.BatchNorm1d(layer.size) if isinstance(layer, Dense) else nn.BatchNorm2d(layer.filters))
        return nn.Sequential(*parts) if len(parts) > 1 else module, after

    def _listed(self, layer: Neurons, shape: tuple[int, ...], computed: bool) -> tuple[nn.Module, tuple[int, ...]]:
        """A synapse that lists its connections, with pools and a factor before it where they arrive at once."""
        if not isinstance(layer, Dense):
            raise ValueError(
                f"network string {self.architecture!r}: {layer} is an image, but connections are listed for dense "
                "layers alone, as in 784-400(p0.1)-10"
            )
        parts, shape = self._pools(shape)
        parts += [Scale(layer.scale)] if layer.scale != 1.0 else []
        if computed or self.input_norm or (parts and layer.connections.late):
            raise ValueError(
                f"network string {self.architecture!r}: the weights into {layer} are listed, which go without norms "
                "and standardised weights, and where they have delays without a pool or factor before them: drop one"
            )
        made = synapse_of(math.prod(shape), layer.size, layer.connections, bias=self.bias, generator=self.generator)
        return nn.Sequential(*parts, made) if parts else made, (layer.size,)

    def returning(self, *, spectral: bool) -> dict[str, Feedback]:
        """Feedback edges to the first block, of bounded norm where ``spectral``, and to blocks by name."""
        name, first = next(iter(self.blocks.items()))
        edges = {
            f"from_{source}": feedback_edge(
                *(self.architecture, back, source, self.shapes),
                channels=first.neuron.channels,
                spectral=spectral,
                standard=name in self.standardised,
                dt=first.neuron.dt,
                generator=self.generator,
            )
            for source, back in self.backs.items()
        }
        for source, several in self.returned.items():
            for returned in several:
                target = self.blocks.get(returned.source, self.blocks[source]).neuron
                place = f"{source}_to_{returned.source}"
                if place in edges:
                    raise ValueError(
                        f"network string {self.architecture!r}: {source!r} sends to {returned.source!r} twice"
                    )
                edges[place] = returning_edge(
                    *(self.architecture, returned, source, self.shapes),
                    channels=target.channels,
                    dt=target.dt,
                    generator=self.generator,
                )
        for name, strength in self.lateral.items():
            if strength:
                edges[f"lateral_{name}"] = Feedback(name, name, LateralInhibition(strength))
        return edges

    def _input_norm(self, size: int, *, dense: bool) -> list[nn.Module]:
        """The norm of ``size`` inputs or maps in front of the weights of the next block."""
        if self.input_norm is None or (self.input_norm == "magnitude" and not self.blocks):
            return []
        if self.input_norm == "batch":
            return [nn.BatchNorm1d(size, affine=False) if dense else nn.BatchNorm2d(size, affine=False)]
        if self.input_norm == "sample":
            return [SampleNorm()]
        return [MagnitudeNorm(size) if self.input_norm == "magnitude" else Normalise(self.input_norm)]

    def _sent(self) -> dict[str, tuple[int, ...]]:
        return {"inputs": self.input, **self.shapes}

    def _delay(self, source: str) -> int:
        return 0 if source == "inputs" else self.delay

    def _known(self, name: str, source: str) -> str:
        """``source``, which must stand before the block ``name``."""
        known = [place for place in self._sent() if place != name]
        if source not in known:
            raise ValueError(
                f"network string {self.architecture!r}: {name!r} takes from {source!r}, which does not stand before "
                f"it, expected {one_of(source, known)}"
            )
        return source


def _last(layers: Sequence[Neurons]) -> list[bool]:
    """Which of the layers are read where none is marked: the last."""
    return [number == len(layers) - 1 for number in range(len(layers))]


def _classes(architecture: str, layers: list[Layer], readout: type[Readout]) -> int:
    """The number of classes that a string ends in, taken from its layers.

    Raises:
        ValueError: no layer of neurons before it.
    """
    last = layers.pop()
    plain = last == Dense(last.size) if isinstance(last, Dense) else False
    pools = issubclass(readout, FittedReadout)
    fits = any(not isinstance(layer, Pool) for layer in layers) and (pools or not isinstance(layers[-1], Pool))
    if plain and isinstance(last, Dense) and fits:
        return last.size
    raise ValueError(
        f"network string {architecture!r} does not suit the readout {READOUTS.name_of(readout)!r}, which takes the "
        "last number as that of the classes: write a layer of neurons, then a number without marks, as in 784-400-10, "
        "where 400 neurons are read for 10 classes"
    )


def _per_step_form(make: NeuronFactory) -> NeuronFactory:
    form: NeuronFactory = getattr(make, "per_step", make) if isinstance(make, type) else make
    return form


def _input_shape(architecture: str, written: tuple[int, ...] | None, given: Sequence[int] | None) -> tuple[int, ...]:
    if written is None and given is None:
        raise ValueError(
            f"network string {architecture!r} begins with a convolution and says nothing of its input: pass "
            "input_shape=(C, H, W), or begin the string with it, for example 1x28x28-"
        )
    if written is None or given is None:
        return tuple(written or given or ())
    if math.prod(written) != math.prod(given):
        raise ValueError(
            f"network string {architecture!r} takes {math.prod(written)} input values, the data have "
            f"{math.prod(given)} ({' x '.join(map(str, given))}): begin it with {math.prod(given)}"
        )
    return tuple(given)
