"""Scores from membrane potentials."""

from torch import Tensor

from spikelearn.network.readouts.base import READOUTS, Readout
from spikelearn.network.records import Activity


@READOUTS.register("membrane")
class MembraneReadout(Readout):
    r"""Mean membrane potential of each output neuron over time, $\frac1T\sum_t v[t]$.

    Args:
        head: module from potentials [B, n] to scores [B, classes]; None: nothing.

    Shapes: output potential v [T, B, n] (unit of v_threshold) -> [B, n], and behind a head [B, classes].

    Source: Eshraghian et al., Proceedings of the IEEE 111, 2023 (membrane potentials as class scores).
    """

    def read(self, output: Activity) -> Tensor:
        return output.v.mean(0)

    def of_potential(self, potential: Tensor) -> Tensor:
        """Scores [B, classes] of a mean potential [B, ...] that was found otherwise than by reading a record."""
        scores: Tensor = self.head(potential.flatten(1))
        return scores

    def each(self, output: Activity) -> Tensor:
        return output.v
