"""Critical difference diagram as an inline SVG."""

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

#: Of the drawing, in its own units.
WIDTH, SIDE, TOP, STEP = 720, 190, 56, 24


def critical_difference_svg(
    ranks: Mapping[str, float], cliques: Sequence[Sequence[str]], critical_difference: float | None, name: str
) -> str:
    """Mean ranks on a line, the best to the left; bars join arms that the test does not tell apart.

    Args:
        ranks: {arm: mean rank}, 1 = best.
        cliques: groups of arms without a significant difference.
        critical_difference: drawn as a measure above the line; None: the test has none.
        name: read out in place of the picture.

    Source: Demšar, Journal of Machine Learning Research 7, 2006, figure 1.
    """
    order = sorted(ranks, key=lambda arm: ranks[arm])
    last = max(len(order), 2)
    bars = [sorted(clique, key=lambda arm: ranks[arm]) for clique in cliques if len(clique) > 1]
    below = TOP + 14 * len(bars) + 18
    half = (len(order) + 1) // 2
    height = below + STEP * half + 6

    def x(rank: float) -> float:
        return round(SIDE + (rank - 1) / (last - 1) * (WIDTH - 2 * SIDE), 1)

    parts = [_line(x(1), TOP, x(last), TOP)]
    for rank in range(1, last + 1):
        parts += [_line(x(rank), TOP - 6, x(rank), TOP), _text(x(rank), TOP - 11, str(rank), "middle")]
    if critical_difference is not None and critical_difference <= last - 1:
        parts += [_line(x(1), 14, x(1 + critical_difference), 14, 2), _line(x(1), 9, x(1), 19)]
        parts += [_line(x(1 + critical_difference), 9, x(1 + critical_difference), 19)]
        parts.append(_text(x(1) - 8, 18, f"critical difference {critical_difference:.2f}", "end"))
    for at, bar in enumerate(bars):
        parts.append(_line(x(ranks[bar[0]]) - 4, TOP + 12 + 14 * at, x(ranks[bar[-1]]) + 4, TOP + 12 + 14 * at, 5))
    for at, arm in enumerate(order):
        left = at < half
        y = below + STEP * (at if left else len(order) - 1 - at)
        end, place = (SIDE - 12, "end") if left else (WIDTH - SIDE + 12, "start")
        along = f"M{x(ranks[arm])} {TOP}V{y}H{end + (4 if left else -4)}"
        parts.append(f'<path d="{along}" fill="none" stroke="currentColor" stroke-width="1"/>')
        words = f"{arm}  {ranks[arm]:.2f}" if left else f"{ranks[arm]:.2f}  {arm}"
        parts.append(_text(end, y + 4, words, place))
    spoken = f"{name}: " + ", ".join(f"{arm} {ranks[arm]:.2f}" for arm in order)
    inside = "".join(parts)
    return (
        f'<svg role="img" aria-label="{escape(spoken, {chr(34): "&quot;"})}" viewBox="0 0 {WIDTH} {height}" '
        f'style="min-width:34rem" font-size="13">{inside}</svg>'
    )


def _line(x1: float, y1: float, x2: float, y2: float, width: float = 1) -> str:
    return f'<path d="M{x1} {y1}L{x2} {y2}" stroke="currentColor" stroke-width="{width}" fill="none"/>'


def _text(x: float, y: float, text: str, anchor: str) -> str:
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
