"""The style of an arm in charts: colour, dashes and marker, each enough to tell neighbours apart."""

from dataclasses import dataclass

#: (on white, on black), hues that stay apart for colour-blind readers; at least 3:1 against the page.
COLOURS = (
    ("#0072b2", "#56b4e9"),
    ("#d55e00", "#ff9147"),
    ("#00805b", "#2cc898"),
    ("#b0407f", "#eb9fca"),
    ("#8c6400", "#f0cf4c"),
    ("#4b3fae", "#b0a6ff"),
    ("#6b6f75", "#c2c6cc"),
    ("#a11d33", "#ff8b93"),
)

#: Plotly's name -> the same dashes in an SVG.
DASHES = {"solid": "", "dash": "7 4", "dot": "2 3", "dashdot": "7 3 2 3", "longdash": "12 4"}

#: Plotly's name -> the same shape, centred in a box of 32 x 14.
MARKERS = {
    "circle": "M12 7a4 4 0 1 0 8 0a4 4 0 1 0-8 0Z",
    "square": "M12.5 3.5h7v7h-7Z",
    "diamond": "M16 2l5 5l-5 5l-5-5Z",
    "triangle-up": "M16 2.5l5 8.5h-10Z",
    "x": "M12 3h2l2 2.5l2-2.5h2l-3 4l3 4h-2l-2-2.5l-2 2.5h-2l3-4Z",
    "triangle-down": "M16 11.5l5-8.5h-10Z",
    "cross": "M14.5 2.5h3v3h3v3h-3v3h-3v-3h-3v-3h3Z",
    "star": "M16 1.5l1.5 3.9l4.2.2l-3.3 2.6l1.1 4l-3.5-2.2l-3.5 2.2l1.1-4l-3.3-2.6l4.2-.2Z",
    "hexagon": "M16 2l4.3 2.5v5L16 12l-4.3-2.5v-5Z",
}


@dataclass(frozen=True)
class ArmStyle:
    """An arm and its style; ``index`` is its place among all arms.

    Args:
        index: from 0.
        name: of the arm.
        family: of its rule, in words.
    """

    index: int
    name: str
    family: str = ""

    @property
    def light(self) -> str:
        """Colour on white."""
        return COLOURS[self.index % len(COLOURS)][0]

    @property
    def dark(self) -> str:
        """Colour on black."""
        return COLOURS[self.index % len(COLOURS)][1]

    @property
    def dash(self) -> str:
        """Plotly's name of the line."""
        return list(DASHES)[self.index % len(DASHES)]

    @property
    def dashes(self) -> str:
        """The line in an SVG."""
        return DASHES[self.dash]

    @property
    def marker(self) -> str:
        """Plotly's name of the marker."""
        return list(MARKERS)[self.index % len(MARKERS)]

    @property
    def shape(self) -> str:
        """The marker in an SVG."""
        return MARKERS[self.marker]

    def as_json(self) -> dict[str, str]:
        """What the page's script reads."""
        return {"name": self.name, "light": self.light, "dark": self.dark, "dash": self.dash, "marker": self.marker}
