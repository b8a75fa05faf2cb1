"""Needs of updates that go step by step."""

from collections.abc import Iterator

from torch import nn

from spikelearn.network import Network
from spikelearn.plasticity.losses import Loss
from spikelearn.plasticity.requires import Need, NoFeedback, Passes
from spikelearn.plasticity.three_factor.signals.base import Signal
from spikelearn.plasticity.three_factor.traces.base import Trace
from spikelearn.synapses import is_linear, trainable, uses_batch_statistics
from spikelearn.synapses.structure import behind_front


def step_needs(signal: Signal, trace: Trace) -> tuple[Need, ...]:
    """The needs of an update that follows step by step."""
    needs: list[Need] = [
        Passes("a loss that is a mean over steps", lambda network, rule: _check_loss(network, rule, signal.loss)),
        Passes("neurons without parameters that learn", _check_neurons),
    ]
    if trace.is_factor:
        needs.append(Passes("no batch statistics", _check_statistics))
        needs.append(Passes("synapses that are linear from their weights on", _check_linear))
    if not signal.cut:
        if trace.returns_errors and not signal.within_step:
            why = "goes step by step, so that no error reaches an earlier one"
            needs.append(
                NoFeedback(why, "send the signal from the output at once (signal=direct), or use form=sequence")
            )
        needs.append(Passes("no delays between blocks", _check_times))
    return tuple(needs)


def _check_loss(network: Network, rule: str, loss: Loss) -> None:
    if not loss.is_mean_over_steps:
        raise ValueError(
            f"{rule} goes step by step, but the loss {loss!r} looks at all steps together: use "
            "'cross-entropy-membrane', or form=sequence"
        )
    if any(parameter.requires_grad for parameter in network.readout.parameters()):
        raise ValueError(
            f"{rule} goes step by step, but the readout has weights that learn, which see all steps together: use a "
            "readout without weights, or form=sequence"
        )


def _check_neurons(network: Network, rule: str) -> None:
    for name, block in network.blocks.items():
        learned = [key for key, parameter in block.neuron.named_parameters() if parameter.requires_grad]
        if learned:
            raise ValueError(
                f"{rule} goes step by step, and then changes synapses alone, but the neurons of block {name!r} have "
                f"{', '.join(learned)} that learns: freeze it, network.blocks[{name!r}].neuron.requires_grad_(False), "
                "or use form=sequence"
            )


def _check_statistics(network: Network, rule: str) -> None:
    for name, synapse in _synapses(network):
        if uses_batch_statistics(synapse):
            raise ValueError(
                f"{rule} goes step by step, but {name} has a batch norm with the statistics of its batch, which one "
                "step does not know: leave it out, put it in eval mode, or use form=sequence"
            )


def _check_linear(network: Network, rule: str) -> None:
    for name, synapse in _synapses(network):
        if trainable(synapse) and not is_linear(behind_front(synapse)[1]):
            raise ValueError(
                f"{rule} goes step by step, but {name} is not linear from its weights on, so that a trace cannot be "
                f"carried through {' '.join(repr(synapse).split())}: put what is not in front of them, or use "
                "form=sequence"
            )


def _check_times(network: Network, rule: str) -> None:
    delays = {name: block.delay for name, block in network.blocks.items()}
    delays |= {f"feedforward.{name}": edge.delay for name, edge in network.feedforward.items()}
    if any(delay for place, delay in delays.items() if place not in network.wiring.fed):
        raise ValueError(
            f"{rule} goes step by step, but delays would carry the error to an earlier step: leave them out, use a "
            "signal that is sent from the output at once (signal=direct), or form=sequence"
        )


def _synapses(network: Network) -> Iterator[tuple[str, nn.Module]]:
    for name, block in network.blocks.items():
        yield f"the synapse of block {name!r}", block.synapse
    for name, joining in network.feedforward.items():
        yield f"the synapse of feedforward edge {name!r}", joining.synapse
    for name, edge in network.feedback.items():
        yield f"the synapse of feedback edge {name!r}", edge.synapse
