"""All generated pages of the site, by their paths."""

from functools import cache

import spikelearn.cli.compare
import spikelearn.cli.components  # noqa: F401  (with the one before, every part, so that everything is registered)
from docs.generator.choose import choose_page
from docs.generator.component_pages import KINDS, component_page, index_page
from docs.generator.extending import extending_pages
from docs.generator.fidelity import fidelity_page, status_page
from docs.generator.reference import command_page, parts_page, reference_page


@cache
def pages() -> dict[str, str]:
    """{path: Markdown} of every page that is made from declarations."""
    made = {
        "choose.md": choose_page(),
        "fidelity.md": fidelity_page(),
        "status.md": status_page(),
        "reference.md": reference_page(),
        "commands.md": command_page(),
        "parts.md": parts_page(),
        **extending_pages(),
    }
    for kind in KINDS.values():
        made[f"{kind.folder}/index.md"] = index_page(kind)
        for name in kind.own():
            made[f"{kind.folder}/{name}.md"] = component_page(kind, name)
    return made
