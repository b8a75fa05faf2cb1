"""The kinds of edges: a block's own synapse, further forward edges, and feedback."""

from torch import Tensor, nn

from spikelearn.checks import check_count, check_instance, one_of
from spikelearn.fast_path import is_plain, is_watched
from spikelearn.network.memoryless import check_memoryless, is_known, refuse_unruly
from spikelearn.neurons import Neuron, check_neuron
from spikelearn.synapses import longest_delay
from spikelearn.synapses.releases import Release


class Edge(nn.Module):
    """A synapse, which maps every sample by itself and keeps nothing.

    Modules of torch and of the package are known to, or refused; one of the user's own is tried when it is first run.
    """

    synapse: nn.Module
    #: Whole steps that everything takes to arrive.
    delay: int = 0

    def __init__(self, synapse: nn.Module, release: Release | None = None) -> None:
        super().__init__()
        _refuse_dropout(synapse)
        refuse_unruly(synapse)
        _refuse_hidden_delays(synapse)
        if release is not None:
            check_instance("release", release, Release, "for example TsodyksMarkram()")
        self.synapse, self.release = synapse, release
        #: Modes (training or not) in which it is still to be tried.
        self.untried: set[bool] = set() if is_known(synapse) else {True, False}

    @property
    def longest(self) -> int:
        """The most steps that a single connection takes besides ``delay``."""
        return longest_delay(self.synapse)

    @property
    def dynamic(self) -> bool:
        """True if what meets a weight depends on more than one step of the source: other delays, or releases."""
        return self.release is not None or self.longest > 0

    def try_synapse(self, name: str, pre: Tensor) -> None:
        """Raise ValueError where a synapse of one's own depends on other samples or calls; ``pre`` [T, B, ...]."""
        mode = self.synapse.training
        if mode in self.untried and is_plain(pre) and not is_watched():
            check_memoryless(name, self.synapse, pre)
            self.untried.discard(mode)


class Block(Edge):
    """A synapse and the neurons it drives.

    Args:
        synapse: module from the source's spikes [B, in...] to current [B, out...], each sample by itself and nothing
            kept between calls; pooling and flattening stand in it, in front of the weights.
        neuron: the model of the neurons.
        delay: whole steps that the input takes to arrive.
        release: short-term plasticity of what arrives, before the weights, such as ``TsodyksMarkram()``; None: spikes
            meet the weights as they are.
        current: which of the neurons' currents it drives, by name; None: their first, mostly the only one.
        source: an earlier block whose spikes it takes, or "inputs"; None: the block before, the first the inputs.

    Raises:
        ValueError: dropout, chance or memory in the synapse, a negative delay, a neuron that lacks something, a current
            that it does not have.
    """

    def __init__(
        self,
        synapse: nn.Module,
        neuron: Neuron,
        *,
        delay: int = 0,
        release: Release | None = None,
        current: str | None = None,
        source: str | None = None,
    ) -> None:
        super().__init__(synapse, release)
        check_count("delay", delay, least=0)
        check_instance(
            "neuron", neuron, Neuron, "for example LIF.per_step(0.9); build takes what makes one, LIF.per_step"
        )
        check_neuron(neuron)
        self.neuron, self.delay, self.source = neuron, delay, source
        self.check_current("the synapse", current)
        self.current = neuron.currents[0] if current is None else current

    def check_current(self, what: str, current: str | None) -> None:
        """Raise ValueError where the neurons have no current of that name; None: that of the block's own synapse."""
        known = self.neuron.currents
        if current is not None and current not in known:
            raise ValueError(
                f"{what} drives the current {current!r}, which {type(self.neuron).__name__} does not have, expected "
                f"{one_of(current, known)}"
            )


class Feedforward(Edge):
    """A further edge into a block, whose current adds to that of the block's own synapse.

    Args:
        source: an earlier block whose spikes it takes, or "inputs".
        target: block whose current it adds to.
        synapse: module from the source's spikes [B, ...] to the target's current [B, ...]; ``nn.Identity()`` adds the
            spikes as they are.
        delay: whole steps that the spikes take to arrive.
        release: as in ``Block``.
        current: to which of the target's currents it adds, by name; None: that of the target's own synapse.

    Raises:
        ValueError: dropout, chance or memory in the synapse, a negative delay.
    """

    def __init__(
        self,
        source: str,
        target: str,
        synapse: nn.Module,
        *,
        delay: int = 0,
        release: Release | None = None,
        current: str | None = None,
    ) -> None:
        super().__init__(synapse, release)
        check_count("delay", delay, least=0)
        self.source, self.target, self.delay, self.current = source, target, delay, current


class Feedback(Edge):
    """An edge from a later (or the same) block back to an earlier one; it is one step late.

    Args:
        source: block whose spikes are sent back.
        target: block whose current they add to.
        synapse: module from the source's spikes [B, ...] to the target's current [B, ...].
        release: as in ``Block``.
        current: to which of the target's currents they add, by name; None: that of the target's own synapse.

    Raises:
        ValueError: dropout, chance or memory in the synapse.
    """

    def __init__(
        self,
        source: str,
        target: str,
        synapse: nn.Module,
        *,
        release: Release | None = None,
        current: str | None = None,
    ) -> None:
        super().__init__(synapse, release)
        self.source, self.target, self.current = source, target, current


def _refuse_hidden_delays(synapse: nn.Module) -> None:
    for name, module in synapse.named_modules():
        if name and longest_delay(module):
            raise ValueError(
                f"synapse has {module} at {name}, whose connections take steps: an edge carries what is on its way to "
                "a synapse that stands alone; put nothing before or behind it"
            )


def _refuse_dropout(synapse: nn.Module) -> None:
    for name, module in synapse.named_modules():
        if isinstance(module, nn.modules.dropout._DropoutNd):
            raise ValueError(
                f"synapse has {type(module).__name__} at {name or 'its root'}: a new mask at every step is not what "
                "dropout means in time; pass the mask as data instead, Batch(masks={'<block>.synapse': mask [B, ...]})"
            )
