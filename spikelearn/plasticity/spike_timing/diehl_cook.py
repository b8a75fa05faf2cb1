"""Diehl & Cook's unsupervised learning of digits: STDP, with presentations that are repeated until neurons fire."""

from collections.abc import Iterator

import torch
from torch import Tensor

from spikelearn.checks import check_count, check_flag, check_not_negative
from spikelearn.fast_path import is_watched
from spikelearn.network import Network, Record, State, keep_states
from spikelearn.plasticity.base import RULES, Batch, Memory, Update
from spikelearn.plasticity.factors import Factors
from spikelearn.plasticity.requires import Encoding, Need, Passes
from spikelearn.plasticity.running import is_plain_rate
from spikelearn.plasticity.spike_timing.dependences import Additive, Dependence
from spikelearn.plasticity.spike_timing.presented import Presented, Repeats
from spikelearn.plasticity.spike_timing.stepwise import Traces, check_linear, private_weights, seen_edges
from spikelearn.plasticity.spike_timing.triplet_stdp import TripletSTDP
from spikelearn.plasticity.spike_timing.triplets import GivenTriplets, TripletParameters
from spikelearn.synapses import float_type

#: The rule of the authors' program: a spike of the input lowers a weight by the trace of the neuron's last spike, one
#: of the neuron raises it by the trace of the input's last times that of its own last one.
PUBLISHED = GivenTriplets(
    *(0.0, 1e-4, 1e-2, 0.0), tau_plus=20e-3, tau_minus=20e-3, tau_y=40e-3, pairing="nearest-spike"
)


@RULES.register("diehl-cook")
class DiehlCook(TripletSTDP):
    r"""Nearest-spike triplet STDP of a competing population, which is shown a sample until it answers.

    $$\Delta w_{ji} = k\,z_j\, r_{1,i}\,(A_2^+ + A_3^+\, o_{2,j}) - k\,s_i\, o_{1,j}\,(A_2^- + A_3^-\, r_{2,i})$$

    as ``triplet-stdp``, whose traces of the last spikes they are. A presentation is the steps of the input, then
    ``rest`` without any; while fewer than ``least_spikes`` spikes are sent in it, by the population that is read and
    while the input is shown, it is repeated from where the network stands with the input
    $(1 + k\,\mathrm{raised\_by})$ times as strong, k = 1, 2, ... up to ``repeats``. Of the last one the scores are
    read. Weights learn in all steps, those of the rest included. Predictions are made in the same way, with weights
    that stand still.

    The input is an intensity that a population of Poisson neurons turns into spikes, as in ``784-784=-100-10`` with
    the neurons ``poisson`` and, where it is read, ``diehl-cook-lif`` and ``label-assignment``; of spikes, which are as
    strong as they are numbers, it raises the number. Online, weights change at every step, and the samples of a batch
    share them; with ``online`` false they stand still while a batch is presented, and change at its end. The change is
    the mean over the samples, or with ``summed`` the sum, as if they had been shown one after the other, by which a
    neuron of ``diehl-cook-lif`` with ``summed`` changes its threshold too. Of a batch those samples alone are repeated
    to which too few neurons have fired.

    A plain network of that form goes through a compiled loop over a whole presentation, which follows events of the
    inputs; all else step by step.

    Args:
        parameters, scale, low, high, dependence, online: as in ``triplet-stdp``.
        rest: for which nothing is shown behind every presentation, seconds.
        least_spikes: fewer than these have a presentation repeated; 0: none is.
        raised_by: share of the input's strength by which each repeat raises it.
        repeats: of a sample, at most.
        summed: whether the changes of a batch's samples are added, not averaged.
        dt: time step, seconds; must be that of the neurons.

    Shapes: inputs [T, B, in...]; synapses are ``nn.Linear``, ``nn.Flatten`` may stand in front.

    Raises:
        ValueError: as ``triplet-stdp``; a negative rest, count or share; a readout of more than the numbers of spikes.

    Source: Diehl & Cook, Frontiers in Computational Neuroscience 9, 2015, and the authors' program (intensity 2, and 3,
    4, ... in repeats). deviation: a pair in the same step counts nothing; without end the program repeats; the mean of
    shards is not the batch online, for weights change within the presentation.
    """

    default_settings = {
        "net": "{input}-{input}=-100-{output}",
        "neuron": "poisson",
        "neuron_option": {"rate": 63.75, "dt": 0.5e-3},
        "output": "diehl-cook-lif",
        "readout": "label-assignment",
        "bias": False,
        "init": "unit-norm",
        "init_option": {"length": 3.2, "positive": True},
        # The program's 78 are of 784 inputs; the 64 of digits, bounded at 1, would have nothing left to learn with.
        "incoming_norm": 30.0,
        "steps": 700,
        "batch": 1,
    }
    fitted_settings = default_settings

    def __init__(
        self,
        parameters: TripletParameters = PUBLISHED,
        scale: float = 1.0,
        *,
        rest: float = 0.15,
        least_spikes: int = 5,
        raised_by: float = 0.5,
        repeats: int = 20,
        summed: bool = False,
        online: bool = True,
        low: float = 0.0,
        high: float = 1.0,
        dt: float = 0.5e-3,
        dependence: Dependence = Additive(),
    ) -> None:
        super().__init__(parameters, scale, low=low, high=high, dt=dt, dependence=dependence, online=online)
        check_not_negative("rest", rest)
        check_count("least_spikes", least_spikes, least=0)
        check_not_negative("raised_by", raised_by)
        check_count("repeats", repeats, least=0)
        check_flag("summed", summed)
        self.summed = summed
        # A sample may be shown again, and is followed by rest.
        self.walks = False
        self.repeats = Repeats(round(rest / dt), least_spikes, raised_by, repeats if least_spikes else 0)

    @property
    def requires(self) -> tuple[Need, ...]:
        others = (need for need in super().requires if not isinstance(need, Encoding))
        return *others, Encoding("direct"), Passes("a readout of the numbers of spikes", _check_readout)

    @property
    def factors(self) -> Factors | None:
        # What the population that is read has sent decides whether a kept presentation is shown again.
        factors = super().factors
        return factors | {"error", "record"} if self.repeats.most and factors is not None else factors

    @property
    def form_of_synapses(self) -> Need:
        return Passes("nn.Linear where something learns", check_linear)

    @torch.no_grad()
    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        with network.presentation() as buffers:
            seen = self.presented(network, batch, learns=True)
            rate = seen.counts / len(batch.inputs)
            scores = network.readout.of_rate(rate)  # type: ignore[operator]
        repeats = {"repeats": float(seen.repeats.double().mean())}
        yield Update(seen.grads, scores, buffers=buffers, rates=seen.rates, metrics=repeats)

    def scores(self, network: Network, inputs: Tensor, memory: Memory, valid: Tensor | None = None) -> Tensor:
        if valid is not None:
            return super().scores(network, inputs, memory, valid)
        rate = self.rates(network, inputs)
        scores: Tensor = network.readout.of_rate(rate)  # type: ignore[operator]
        return scores

    def read(self, network: Network, inputs: Tensor, memory: Memory, valid: Tensor | None = None) -> Tensor:
        if valid is not None:
            return super().read(network, inputs, memory, valid)
        front: Tensor = network.readout.front(self.rates(network, inputs))  # type: ignore[operator]
        return front

    def rates(self, network: Network, inputs: Tensor) -> Tensor:
        """Spikes per step of the population that is read, [B, n], in presentations that leave the weights alone."""
        targets = torch.zeros(inputs.shape[1], dtype=torch.int64)
        return self.presented(network, Batch(inputs, targets), learns=False).counts / len(inputs)

    def presented(self, network: Network, batch: Batch, *, learns: bool) -> Presented:
        """Present a batch, inside ``network.presentation()``; neurons in training keep what they leave to the next."""
        network.check_run(batch.inputs, masks=batch.masks)
        return self.by_events(network, batch, learns) or self.by_steps(network, batch, learns)

    def by_events(self, network: Network, batch: Batch, learns: bool) -> Presented | None:
        """The presentations by the compiled loop; None where it does not know the network, or products are watched."""
        if batch.masks or is_watched():
            return None
        # Imported when it is first needed: numba takes longer to import than most commands to run.
        from spikelearn.plasticity.spike_timing.diehl_cook_layer import known_population, present_population

        population = known_population(self, network, batch.inputs)
        return (
            None
            if population is None
            else present_population(self, self.repeats, population, network, batch.inputs, learns)
        )

    def by_steps(self, network: Network, batch: Batch, learns: bool) -> Presented:
        """The presentations of any network that the rule can train."""
        inputs, chosen = batch.inputs, torch.arange(batch.size)
        counts, repeats = dict[str, Tensor](), torch.zeros(batch.size, dtype=torch.int64)
        firing, read = [name for name, block in network.blocks.items() if block.neuron.fires], network.outputs[0]
        whole: State | None = None
        traces = dict[str, Traces]()
        with private_weights(network, self.low, self.high) as weights:
            sums = {} if self.online or not learns else {name: torch.zeros_like(w) for name, w in weights.items()}
            for attempt in range(self.repeats.most + 1):
                state = None if whole is None else _of(chosen, whole)
                near = {name: {key: trace[chosen] for key, trace in own.items()} for name, own in traces.items()}
                shown = inputs[:, chosen]
                if attempt:
                    shown = (1.0 + attempt * self.repeats.raised_by) * shown.to(float_type(network))
                masks = {place: mask[chosen] for place, mask in batch.masks.items()}
                share = len(chosen) / self.averaged_over(batch.size) if learns else 0.0
                spikes = dict[str, Tensor]()
                dark = torch.zeros_like(shown[0])
                for t in range(len(inputs) + self.repeats.pause):
                    record, state = network.step(shown[t] if t < len(inputs) else dark, state, masks=masks)
                    if t < len(inputs):
                        spikes = {name: spikes.get(name, 0) + record[name].spikes for name in firing}
                    if learns:
                        self._learn(network, record, state, near, weights, sums, share)
                assert state is not None
                if whole is None:
                    whole, traces, counts = state.mapped(torch.clone), near, spikes
                else:
                    _put(chosen, whole, state)
                    for name, own in near.items():
                        for key, trace in own.items():
                            traces[name][key][chosen] = trace
                    for name, sent in spikes.items():
                        counts[name][chosen] = sent
                chosen = chosen[spikes[read].flatten(1).sum(1) < self.repeats.least_spikes]
                if attempt == self.repeats.most or not len(chosen):
                    break
                repeats[chosen] += 1
            for name, change in sums.items():
                weights[name].add_(change).clamp_(self.low, self.high)
            assert whole is not None
            keep_states(network.blocks, whole.neurons)
        changed = weights if learns else {}
        grads = {name: network.get_parameter(name).detach() - weight for name, weight in changed.items()}
        rates = {name: float(sent.double().mean()) / len(inputs) for name, sent in counts.items()}
        return Presented(counts[read], repeats, grads, rates)

    def averaged_over(self, batch: int) -> int:
        """As ``TripletSTDP`` has it; 1 where changes are added."""
        return 1 if self.summed else batch

    def _learn(
        self,
        network: Network,
        record: Record,
        state: State,
        traces: dict[str, Traces],
        weights: dict[str, Tensor],
        sums: dict[str, Tensor],
        share: float,
    ) -> None:
        """One step of all edges; of the mean change of those samples that take part, ``share`` counts."""
        for name, seen in seen_edges(network, record, state, weights):
            change = share * self.change(seen, traces.setdefault(name, {}))
            if sums:
                sums[name].add_(change)
            else:
                weights[name].add_(change).clamp_(self.low, self.high)


def _of(chosen: Tensor, whole: State) -> State:
    """The states of the ``chosen`` samples."""
    lines = {name: line[:, chosen] for name, line in whole.delay_lines.items()}
    return whole._replace(delay_lines={}).mapped(lambda tensor: tensor[chosen])._replace(delay_lines=lines)


def _put(chosen: Tensor, whole: State, part: State) -> None:
    """Write the states of the ``chosen`` samples into those of all."""
    mine = part.tensors()
    for name, tensor in whole.tensors().items():
        if name.startswith("delay_lines."):
            tensor[:, chosen] = mine[name]
        else:
            tensor[chosen] = mine[name]


def _check_readout(network: Network, rule: str) -> None:
    if not is_plain_rate(network.readout) or len(network.outputs) > 1:
        raise ValueError(
            f"{rule} counts the spikes of one population, but the readout is {' '.join(repr(network.readout).split())} "
            f"of {', '.join(network.outputs)}: use label-assignment (--readout label-assignment) of one block"
        )
