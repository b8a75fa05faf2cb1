"""The page as HTML that needs nothing else: its style, its script and its numbers are in it."""

import base64
import gzip
import json
from functools import lru_cache
from typing import Any

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
        facts=Markup(_script_json(facts)),
        plotly=Markup(_packed_plotly()),
    )


def _script_json(value: Any) -> str:
    """JSON that may stand inside a script element: no "<" can end it."""
    text = json.dumps(value, separators=(",", ":"), allow_nan=False, ensure_ascii=False)
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


@lru_cache(maxsize=1)
def _packed_plotly() -> str:
    """Plotly's script, compressed: 2 MB instead of 5, unpacked by the browser."""
    from plotly.offline import get_plotlyjs

    return base64.b64encode(gzip.compress(get_plotlyjs().encode(), mtime=0)).decode()
