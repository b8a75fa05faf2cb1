"""A learning rule of your own: look at the activity, yield the changes that you wish.

On the command line: ``spikelearn train --import rule.py --rule broadcast``. In the package this is one file in its
family's folder of ``spikelearn/plasticity``, one import line in ``spikelearn/plasticity/__init__.py``, one identity in
``spikelearn/plasticity/identities`` (an update on a small network, found another way) and one line in
``tests/conformance/cases.py``.
"""

from collections.abc import Iterator

import torch
import torch.nn.functional as F

from spikelearn.network import Network
from spikelearn.neurons import ATan
from spikelearn.plasticity.back_weights import neuron_shapes
from spikelearn.plasticity.base import RULES, Batch, Memory, OptimizerChoice, Rule, Update, firing_rates
from spikelearn.plasticity.factors import SUPERVISED, Factors
from spikelearn.synapses import correlate
from spikelearn.traces import reverse_trace


@RULES.register("broadcast")
class Broadcast(Rule):
    r"""The output's error, sent to every block through fixed random weights, times what the synapse saw.

    $$\Delta W_l \propto -\sum_t (B_l\,e\,\psi(v_l[t] - \vartheta)) \otimes \sum_{u \le t} \lambda^{t-u} s_{l-1}[u],
      \qquad e = \mathrm{softmax}(k\,\bar z) - y$$

    Computed with the filter on the other factor: reverse_trace(B e psi) meets the raw input spikes.

    Args:
        decay: $\lambda$ of the filter per step, in [0, 1]; that of the neurons.
        gain: k, logits per unit of rate; dimensionless.

    Shapes: inputs [T, B, ...]; gradients shaped like their parameters.

    Source: Samadi, Lillicrap & Tweed, Neural Computation 29, 2017; Lillicrap et al., Nature Communications 7, 2016.
    """

    default_optimizer = OptimizerChoice("adam", 1e-3)

    def __init__(self, decay: float = 0.9, gain: float = 10.0) -> None:
        self.decay, self.gain, self.psi = decay, gain, ATan()

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        shapes, like = neuron_shapes("broadcast", network), next(network.parameters())
        *_, (last, (classes,)) = shapes.items()
        sent = {name: torch.randn(classes, *shape, generator=generator) for name, shape in shapes.items()}
        sent[last] = torch.eye(classes) * classes**0.5
        return {name: (weights / classes**0.5).to(like) for name, weights in sent.items()}

    @property
    def factors(self) -> Factors:
        return SUPERVISED | {"record"}

    @torch.no_grad()
    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        with network.presentation() as buffers:
            record, _ = network.run(batch.inputs, masks=batch.masks)
            scores = network.scores(record)
            error = F.softmax(self.gain * scores, 1) - F.one_hot(batch.targets, scores.shape[1])
            grads = {}
            for prefix, synapse, pre, target in network.edges(record):
                psi = self.psi(record[target].v - network.blocks[target].neuron.v_threshold)
                sent = torch.tensordot(error, memory[target], 1)
                post = reverse_trace(sent * psi, self.decay) / (len(error) * len(pre))
                grads |= {prefix + name: grad for name, grad in correlate(synapse, pre, post).items()}
            rates = firing_rates(network, record)
        yield Update(grads, scores, buffers=buffers, rates=rates)


if __name__ == "__main__":
    from spikelearn import Digits, Loader, Training, build, evaluate, fit

    torch.manual_seed(0)
    network = build("64-100-10", input_shape=(1, 8, 8))
    training = Training.start(network, Broadcast())
    fit(training, Loader(Digits("train"), 25, 64, shuffle=True), epochs=10)
    print(f"broadcast: test accuracy {100 * evaluate(network, Loader(Digits('test'), 25, 64)).accuracy:.1f} %")
