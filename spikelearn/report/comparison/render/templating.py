"""The templates of the pages."""

from importlib.resources import files
from typing import Any


def rendered(template: str, **values: Any) -> str:
    """A template of this package with its values; a name that it asks for in vain is an error."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("spikelearn.report.comparison"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(**values)


def text_of(name: str) -> str:
    """A style sheet or a script, as it is."""
    return files("spikelearn.report.comparison").joinpath("templates", name).read_text(encoding="utf-8")
