"""DECOLLE: continuous learning of every block, by a fixed random readout of its own and a loss at every step."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar, Literal, get_args

import torch
from torch import Tensor, nn

from spikelearn.checks import check_choice, check_count, check_flag
from spikelearn.network import Network, learning_only
from spikelearn.neurons import Adjoint, FastSigmoid, Surrogate
from spikelearn.plasticity.base import RULES, Batch, Memory, OptimizerChoice, Update
from spikelearn.plasticity.gradient.base import named_gradients
from spikelearn.plasticity.losses import Loss, SmoothL1Membrane
from spikelearn.plasticity.requires import Need, Passes
from spikelearn.plasticity.three_factor.engine.latents import POOLS
from spikelearn.plasticity.three_factor.rule import ThreeFactor
from spikelearn.plasticity.three_factor.signals import LocalReadout
from spikelearn.plasticity.three_factor.signals.local_readout import BIASES, WEIGHTS
from spikelearn.plasticity.three_factor.traces import EligibilityTrace, Trace
from spikelearn.synapses.structure import leaves

DECOLLEForm = Literal["online", "step", "sequence"]


@RULES.register("decolle")
class DECOLLE(ThreeFactor):
    r"""Deep continuous local learning: the error of a readout of each block's own meets the trace of its inputs.

    $$\Delta W_l[t] \propto -\Big(G_l^\top \frac{\partial h(y_l[t], d)}{\partial y_l[t]}\Big)\,\psi(v_l[t])\;
      p_{l-1}[t]^\top, \qquad y_l[t] = G_l\,s_l[t] + c_l$$

    G and c are random and fixed (signal ``local-readout``), h is the loss of a step, d the target. p are the inputs,
    filtered by synapse and membrane: the eligibility of ``spike-response`` neurons, whose refractory potential is not
    differentiated. No error passes between blocks or through time, so a block needs nothing of others, and what is kept
    does not grow with the number of steps. Of other neurons it is their own eligibility that meets the error. The last
    block learns by the derivative of the loss itself, with the same trace, unless ``fixed_output``.

    Args:
        loss: h, of a potential at every step.
        adjoint: how the derivative crosses a neuron, $\psi$; default FastSigmoid of slope 10 (per unit of potential).
        trace: the eligibility, for example ``eligibility`` or ``instant``; dimensionless.
        scale: k of the readouts' weights, $U(-k/\sqrt n, k/\sqrt n)$, n numbers that are read, dimensionless.
        dropout: share of a block's spikes that its readout does not see, drawn anew at every step.
        potential_strength: c of the pull of potentials, unit of the loss, as ``local-readout`` says; 0: none.
        burn_in: steps at the start that the network is run without learning.
        skipped_burn_in: as the authors' program: step 0 is run without learning, then steps ``burn_in`` and on; those
            between are never shown.
        fixed_output: the weights of the output stay as they are drawn, and are the readout of the block before, as in
            the paper, where all readouts are fixed.
        form: "online": an update after every step, by the derivative of its own loss, so that the next step runs with
            new weights; "step": one update, the mean of the steps, step by step; "sequence": the same, over the whole
            record, block by block.

    Shapes: inputs [T, B, ...], targets [B]; G [outputs, n]; gradients shaped like their parameters.

    Raises:
        ValueError: as ``local-readout``; a burn-in of all steps; ``fixed_output`` where no plain dense layer leads from
            one hidden block to the output; the forms "online" and "step" as ``three-factor`` with form=step.

    Source: Kaiser, Mostafa & Neftci, Frontiers in Neuroscience 14, 2020, and the authors' program. deviation: the last
    block learns by default, to be an output like that of other rules.
    """

    takes = frozenset({"classify"})
    default_optimizer = OptimizerChoice("adamax", 1e-3, {"betas": (0.0, 0.95)})
    default_settings: ClassVar[Mapping[str, Any]] = {
        "neuron": "spike-response",
        "output": "leaky-integrator",
        "output_option": {"decay": 0.0},
    }

    def __init__(
        self,
        loss: Loss = SmoothL1Membrane(),
        adjoint: Adjoint = Surrogate(FastSigmoid(10.0)),
        trace: Trace = EligibilityTrace(),
        *,
        scale: float = 0.5,
        dropout: float = 0.5,
        potential_strength: float = 0.0,
        burn_in: int = 0,
        skipped_burn_in: bool = False,
        fixed_output: bool = False,
        form: DECOLLEForm = "online",
    ) -> None:
        check_count("burn_in", burn_in, least=0)
        check_flag("skipped_burn_in", skipped_burn_in)
        check_flag("fixed_output", fixed_output)
        check_choice("form", form, get_args(DECOLLEForm))
        signal = LocalReadout(loss, scale=scale, dropout=dropout, potential_strength=potential_strength)
        super().__init__(signal, trace, adjoint, form="sequence" if form == "sequence" else "step")
        self.online = form == "online"
        self.burn_in, self.skipped_burn_in, self.fixed_output = burn_in, skipped_burn_in, fixed_output

    @property
    def requires(self) -> tuple[Need, ...]:
        if not self.fixed_output:
            return super().requires
        return *super().requires, Passes("one dense layer from one hidden block to the output", _output_weights)

    def learned(self, network: Network) -> list[str]:
        names = super().learned(network)
        if not self.fixed_output:
            return names
        fixed = tuple(f"{path}." for output in network.outputs for path, _, _ in network.into(output))
        return [name for name in names if not name.startswith((*fixed, "readout."))]

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """Draw the readouts; with ``fixed_output`` that of the last hidden block is the output itself."""
        memory = super().init(network, generator)
        if self.fixed_output:
            name, layer = _output_weights(network, self.name)
            memory[WEIGHTS + name] = layer.weight.detach().clone()
            bias = memory[BIASES + name] if layer.bias is None else layer.bias
            memory[BIASES + name] = torch.zeros_like(bias) if layer.bias is None else bias.detach().clone()
        return memory

    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        batch = self._shown(replace(batch, draws=self.drawn(network, batch, generator)))
        if not self.online:
            yield from super().updates(network, batch, memory, generator)
            return
        names, counted = self.learned(network), self.counted(len(batch.inputs), generator)
        with learning_only(network, names), network.presentation():
            walk = self.walk(network, batch, memory, counted)
        learned = 0
        for t, counts in enumerate(counted.tolist()):
            # Left before the update is handed over: a presentation holds the weights as they were.
            with learning_only(network, names), network.presentation() as buffers, torch.enable_grad():
                step = walk.step(t)
            if not counts:
                continue
            learned += 1
            grads = named_gradients(self.loss, names, [step.grads.get(name) for name in names])
            rates, scores = walk.seen.rates(), walk.seen.scores()
            yield Update(grads, scores, walk.loss / learned, buffers=buffers, rates=rates, metrics={**step.metrics})

    def counted(self, steps: int, generator: torch.Generator) -> Tensor:
        first = 1 if self.skipped_burn_in else self.burn_in
        if first >= steps:
            raise ValueError(
                f"{self.name} learns after a burn_in of {self.burn_in} steps, but there are {steps}: lower it, or show "
                "samples for longer (--steps)"
            )
        return torch.arange(steps, device=generator.device) >= first

    def shares(self, counted: Tensor | None, steps: int) -> list[float]:
        if self.online and counted is not None:
            return [float(counts) for counts in counted.tolist()]
        return super().shares(counted, steps)

    def _shown(self, batch: Batch) -> Batch:
        """The batch of those steps that are shown."""
        if not self.skipped_burn_in:
            return batch
        if batch.valid_steps is not None:
            raise ValueError(
                f"{self.name} has skipped_burn_in, which leaves out the same steps of all samples, but so do lengths "
                "or valid: leave one of the two out"
            )
        return replace(batch, inputs=torch.cat([batch.inputs[:1], batch.inputs[self.burn_in :]]))


def _output_weights(network: Network, rule: str) -> tuple[str, nn.Linear]:
    """The one hidden block that the output reads, and the layer from it to there.

    Raises:
        ValueError: there is none such.
    """
    edges = [edge for name in network.outputs for edge in network.into(name)]
    *fronts, last = leaves(edges[0][2])
    source = edges[0][1]
    plain = type(last) is nn.Linear and all(isinstance(front, (*POOLS, nn.Flatten, nn.Identity)) for front in fronts)
    if len(edges) == 1 and plain and network.wiring.only_reader.get(source) == network.outputs[0]:
        assert isinstance(last, nn.Linear)
        return source, last
    raise ValueError(
        f"{rule} has fixed_output, whose weights are the readout of the block before, but the output takes from "
        f"{', '.join(f'{source} by {path}' for path, source, _ in edges)}: end in one dense layer behind a hidden "
        "block that nothing else reads, or leave fixed_output out"
    )
