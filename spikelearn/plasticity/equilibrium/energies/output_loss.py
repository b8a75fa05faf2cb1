"""The loss of an output that is still moving, and the force by which it pulls."""

import torch
from torch import Tensor, nn

from spikelearn.network import Activity, Network, RateReadout
from spikelearn.plasticity.base import Batch
from spikelearn.plasticity.losses import Loss
from spikelearn.synapses import trainable


class OutputLoss:
    r"""The loss of a batch at any values $s_L$ of the last block, through the readout.

    Args:
        network: with a readout of rates.
        batch: the samples.
        loss: of their scores.
        masked: whether values have yet to pass the block's mask, where the batch has one.

    Shapes: values [T, B, ...], scores [B, classes].

    Raises:
        ValueError: a loss that does not fit the batch.
    """

    def __init__(self, network: Network, batch: Batch, loss: Loss, *, masked: bool = True) -> None:
        assert isinstance(network.readout, RateReadout)
        self.readout, self.batch, self.loss = network.readout, batch, loss
        self.mask = batch.masks.get(list(network.blocks)[-1]) if masked else None
        self._fits = False

    def read(self, values: Tensor) -> tuple[Tensor, Tensor]:
        """Scores, and the loss, mean over the batch."""
        sent = values if self.mask is None else values * self.mask
        output = Activity(sent, sent, sent)
        scores = self.readout(output)
        return scores, self.loss.of(self.batch, output, scores)

    def slope(self, values: Tensor) -> Tensor:
        r"""$\partial L/\partial s_L$ of the sum of the samples' losses, [T, B, ...]."""
        head = self.readout.head
        if self.mask is None and self.batch.valid_steps is None and type(head) in (nn.Identity, nn.Linear):
            rate = (values[0] if len(values) == 1 else values.mean(0)).flatten(1)
            weighted = head if isinstance(head, nn.Linear) else None
            scores = rate if weighted is None else weighted(rate)
            self._check(scores)
            error = self.loss.error(scores, self.batch.targets)
            if error is not None:
                slope = (error if weighted is None else error @ weighted.weight) / len(values)
                return slope.expand(len(values), *slope.shape).view_as(values)
        with torch.enable_grad():
            values = values.detach().requires_grad_()
            _, loss = self.read(values)
            (found,) = torch.autograd.grad(loss, values, retain_graph=True)
        return self.batch.size * found

    def _check(self, scores: Tensor) -> None:
        """Raise ValueError, once a batch, where the loss or its targets do not fit the scores."""
        if not self._fits:
            self.loss.check_task(self.batch.task)
            self.batch.task.check_scores(scores, self.batch.targets)
            self._fits = True

    def weight_slopes(self, values: Tensor) -> dict[str, Tensor]:
        """{the readout's parameter: derivative of the sum of the samples' losses}."""
        parameters = trainable(self.readout)
        if not parameters:
            return {}
        with torch.enable_grad():
            _, loss = self.read(values.detach())
            found = torch.autograd.grad(loss, list(parameters.values()), retain_graph=True)
        return {f"readout.{name}": self.batch.size * grad for name, grad in zip(parameters, found, strict=True)}
