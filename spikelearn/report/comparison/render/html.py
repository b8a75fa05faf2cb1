"""The page as HTML that needs nothing else: its style, its script and its numbers are in it."""

import base64
import gzip
import json
from functools import lru_cache

from spikelearn.extras import from_extra
from spikelearn.report.comparison.page import Page
from spikelearn.report.comparison.render.templating import rendered, text_of

SCRIPTS = ("state.js", "tables.js", "plots.js", "main.js")


def html(page: Page) -> str:
    """The page with its style, its script and its numbers in it."""
    from markupsafe import Markup

    facts = {
        "arms": [arm.as_json() for arm in page.arms],
        "data": page.data,
        "charts": [chart.as_json() for chart in page.charts],
    }
    return rendered(
        "page.html.j2",
        page=page,
        css=Markup(text_of("page.css")),
        script=Markup("\n".join(text_of(name) for name in SCRIPTS)),
        facts=Markup(_packed(json.dumps(facts, separators=(",", ":"), allow_nan=False, ensure_ascii=False))),
        plotly=Markup(_packed_plotly()),
    )


def _packed(text: str) -> str:
    """Text compressed, for a script element: a fifth of numbers, 2 MB of Plotly, not 5; the browser unpacks it."""
    return base64.b64encode(gzip.compress(text.encode(), mtime=0)).decode()


@lru_cache(maxsize=1)
def _packed_plotly() -> str:
    offline = from_extra("plotly.offline", "a page")
    return _packed(offline.get_plotlyjs())
