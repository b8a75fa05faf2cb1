"""No memory: what met the weights at the step itself."""

from spikelearn.plasticity.three_factor.traces.base import TRACES, Trace


@TRACES.register("instant")
class InstantTrace(Trace):
    r"""The input of the step itself, $\mathrm{tr}[t] = s[t]$: the membrane's past is held fixed.

    With the signal ``spatial`` it is the gradient through the layers at each step, none through time.

    Shapes: s [T, B, in...], dimensionless.

    Source: Meng, Xiao, Yan, Wang, Lin & Luo, ICCV 2023 (SLTT).
    """
