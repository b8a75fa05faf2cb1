"""Every spike with the last one of the other side."""

from torch import Tensor

from spikelearn.plasticity.spike_timing.pairings.base import PAIRINGS, Pairing, Sides, traced_pairs


@PAIRINGS.register("nearest-symmetric")
class NearestSymmetric(Pairing):
    r"""Every spike makes a pair with the last spike of the other side before it.

    A spike sets its trace to 1, $x \leftarrow 1$ or $y \leftarrow 1$; between spikes they decay.

    Shapes: s [B, in], z [B, out]; pairs [out, in], dimensionless.

    Source: Morrison, Diesmann & Gerstner, Biological Cybernetics 98, 2008, section 4.1.2, symmetric.
    """

    def pairs(self, sides: Sides, traces: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        return traced_pairs(sides, traces, nearest=True)
