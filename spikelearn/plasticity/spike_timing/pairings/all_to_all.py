"""Every spike with every other."""

from torch import Tensor

from spikelearn.plasticity.spike_timing.pairings.base import PAIRINGS, Pairing, Sides, traced_pairs


@PAIRINGS.register("all-to-all")
class AllToAll(Pairing):
    r"""Every spike makes a pair with every spike of the other side before it.

    $$x \leftarrow \lambda_{pre}\,x + s, \qquad y \leftarrow \lambda_{post}\,y + z$$

    Shapes: s [B, in], z [B, out]; pairs [out, in], dimensionless.

    Source: Morrison, Diesmann & Gerstner, Biological Cybernetics 98, 2008, section 4.1.1.
    """

    def pairs(self, sides: Sides, traces: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        return traced_pairs(sides, traces, nearest=False)
