"""Scores by the class that every neuron prefers."""

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from spikelearn.network.readouts.base import READOUTS
from spikelearn.network.readouts.fitted import FittedReadout


@READOUTS.register("label-assignment")
class LabelAssignment(FittedReadout):
    r"""Every neuron j gets the class for which it fires most; a class's score is the mean rate of its neurons.

    $$l_j = \arg\max_c \langle a_j \rangle_{\text{samples of } c}, \qquad
      s_c = \frac{1}{|\{j : l_j = c\}|} \sum_{j : l_j = c} a_j$$

    with firing rates a in spikes per step, averaged over training samples only. A neuron that never fires gets no
    class, and a class without neurons the score 0; of equal rates the lowest class counts.

    Args:
        units: number of neurons that are read.
        classes: number of classes.

    Shapes: output spikes z [T, B, units] -> scores [B, classes].

    Source: Diehl & Cook, Frontiers in Computational Neuroscience 9, 2015.
    """

    def solved(self, read: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        classes, read = len(self.head.bias), read.double()
        member = one_hot(targets, classes).to(read.dtype)
        response = (member.T @ read) / member.sum(0).clamp(min=1.0).unsqueeze(1)
        labels = response.argmax(0)
        weight = one_hot(labels, classes).to(read.dtype).T * (response.amax(0) > 0)
        return weight / weight.sum(1, keepdim=True).clamp(min=1.0), torch.zeros(classes)
