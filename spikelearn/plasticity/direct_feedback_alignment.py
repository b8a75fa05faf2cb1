"""Direct feedback alignment: the output's error is sent to every hidden block by fixed random weights."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from spikelearn.checks import check_flag, check_positive
from spikelearn.network import Network, learning_only
from spikelearn.neurons import Adjoint, ATan, SpikeFunction, Surrogate
from spikelearn.plasticity.base import RULES, Batch, Memory, Update
from spikelearn.plasticity.bptt import BPTT
from spikelearn.plasticity.feedback_weights import neuron_shapes, uniform
from spikelearn.plasticity.gradient import check_targets, firing_rates, named_gradients
from spikelearn.plasticity.losses import CrossEntropyRate, Loss
from spikelearn.synapses import float_type


@RULES.register("dfa")
class DFA(BPTT):
    r"""Direct feedback alignment: every hidden block gets the output's error through fixed random weights of its own.

    $$\delta_l[t] = e[t]\, D_l, \qquad e[t] = \frac{\partial L}{\partial I_{out}[t]}, \qquad
      \Delta W_l \propto -\frac{\partial}{\partial W_l} \sum_t \delta_l[t] \cdot s_l[t]$$

    $I_{out}$ is the current of the last block, so e has crossed the output's neurons, through time too, by the adjoint;
    $s_l$ are the spikes that block l sends. No error passes between hidden blocks: the run is cut there, and the
    derivative is taken within each block through time, which is eligibility trace times learning signal. The last
    block and the readout learn by the derivative of the loss itself. With one hidden block and D = W of the last one
    it is ``bptt``. Feedback edges learn like the rest of their target; no error goes back along them.

    D is drawn once, from $U(-k\sqrt{6/n}, k\sqrt{6/n})$ with n neurons in block l and k = ``scale``, and never
    learned.

    Args:
        loss: what is descended.
        adjoint: how the derivative crosses a neuron; default ATan with $\alpha$ = 2 (per unit of potential).
        scale: k, factor on the feedback weights, dimensionless.
        sign: send the sign of the error alone, sign(e[t]) / (T B) for a batch of B samples; it wants a learning rate of
            its own.

    Shapes: inputs [T, B, ...], targets [B]; e [T, B, outputs], D [outputs, C, H, W] or [outputs, n]; gradients shaped
    like their parameters.

    Raises:
        ValueError: a network that begins with a convolution and does not say its input_shape; as ``bptt``.

    Source: Nokland, NeurIPS 2016 (D drawn as in the program of Bacho & Chu, Neural Networks 169, 2024); the spiking
    form as in Bellec et al., Nature Communications 11, 2020, and Lee, Zhang, Zhang, Liu & Li, Frontiers in Neuroscience
    14, 2020. deviation: e-prop broadcasts the error of a readout that does not fire; e here has crossed the output's
    neurons.
    """

    def __init__(
        self,
        loss: Loss = CrossEntropyRate(),
        adjoint: Adjoint = Surrogate(SpikeFunction(ATan())),
        *,
        scale: float = 1.0,
        sign: bool = False,
    ) -> None:
        super().__init__(loss, adjoint)
        check_positive("scale", scale)
        check_flag("sign", sign)
        self.scale, self.sign = scale, sign

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """{``feedback.<block>``: D} of all blocks but the last."""
        self.check(network)
        *hidden, (_, last) = neuron_shapes("dfa", network).items()
        outputs, like = torch.Size(last).numel(), next(network.parameters())
        gain = self.scale * 6.0**0.5
        return {f"feedback.{name}": uniform((outputs, *shape), gain, generator, like) for name, shape in hidden}

    def updates(
        self,
        network: Network,
        batch: Batch,
        memory: Memory,
        generator: torch.Generator,
    ) -> Iterator[Update]:
        names = self.learned(network)
        parameters = [network.get_parameter(name) for name in names]
        with learning_only(network, names), network.presentation() as buffers, torch.enable_grad():
            last, current = _no_current(network, batch)
            record, _ = network.run(
                batch.inputs, adjoint=self.adjoint, inject={last: current}, masks=batch.masks, cut=True
            )
            rates, errors = firing_rates(network, record), record.errors
            scores = network.scores(record)
            check_targets(batch.targets, scores.shape[1])
            value = self.loss(record.output, scores, batch.targets)
            sent = {name: seen.spikes for name, seen in record.items() if name != last}
            # From here on potentials live only as long as the backward pass needs them.
            del record
            # In a cut run the loss depends on what is learned in the last block alone; the rest is None.
            error, *top = torch.autograd.grad(value, [current, *parameters], allow_unused=True)
            hidden = [parameter for parameter, grad in zip(parameters, top, strict=True) if grad is None]
            below = iter(self._hidden_gradients(hidden, sent, error, memory))
            found = [next(below) if grad is None else grad for grad in top]
        grads = named_gradients(self.loss, names, found)
        metrics = {f"active_errors_{name}": count.share for name, count in errors.items() if count.share is not None}
        yield Update(grads, scores.detach(), value.detach(), buffers=buffers, rates=rates, metrics=metrics)

    def _hidden_gradients(
        self, parameters: Sequence[Tensor], sent: Mapping[str, Tensor], error: Tensor, memory: Memory
    ) -> Sequence[Tensor | None]:
        """Gradients of the hidden blocks' ``parameters``, from what these ``sent`` and the output's ``error``."""
        learning = {name: spikes for name, spikes in sent.items() if spikes.requires_grad}
        if not parameters or not learning:
            return [None] * len(parameters)
        if self.sign:
            steps, samples = error.shape[:2]
            error = error.sign() / (steps * samples)
        signals = [
            (error.flatten(2) @ memory[f"feedback.{name}"].flatten(1)).view_as(spikes)
            for name, spikes in learning.items()
        ]
        return torch.autograd.grad(list(learning.values()), parameters, signals, allow_unused=True)


def _no_current(network: Network, batch: Batch) -> tuple[str, Tensor]:
    """The last block's name, and a current of zeros to add to its own, whose gradient is the error there."""
    steps, samples = batch.inputs.shape[:2]
    name, shape = list(network.shapes(batch.inputs[0, :1]).items())[-1]
    current = torch.zeros(steps, samples, *shape, dtype=float_type(network), device=batch.inputs.device)
    return name, current.requires_grad_()
