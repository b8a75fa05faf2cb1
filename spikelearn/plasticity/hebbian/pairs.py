"""Options that the rules of STDP pairs have in common."""

from spikelearn.checks import check_finite, check_flag, check_positive


def check_pairs(a_plus: float, a_minus: float, tau_pre: float, tau_post: float, coincident: bool) -> None:
    """Raise ValueError where an option of pair STDP with exponential windows is wrong.

    Args:
        a_plus, a_minus: amplitudes, weight per spike pair.
        tau_pre, tau_post: time constants of the traces, seconds.
        coincident: whether a pair in the same step counts.
    """
    check_finite("a_plus", a_plus)
    check_finite("a_minus", a_minus)
    check_flag("coincident", coincident)
    for name, value in (("tau_pre", tau_pre), ("tau_post", tau_post)):
        check_positive(name, value, "s")
