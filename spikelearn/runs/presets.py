"""Published recipes by name: settings files that come with the package."""

from typing import Any, NamedTuple

from spikelearn.catalogue import PRESETS
from spikelearn.runs.settings import OF_A_RULE, Settings

#: Components whose options are dropped where another component takes their place.
COMPONENTS = tuple(name for name in Settings.model_fields if f"{name}_option" in Settings.model_fields)

#: What names files of components: in files, and in settings.
IMPORTS = ("import", "imports")


class Preset(NamedTuple):
    """A recipe: what it is, where it is published, the figure published for it, and its settings."""

    title: str
    source: str
    published: str
    values: dict[str, Any]


def read_preset(name: str) -> Preset:
    """The preset ``name``, as ``rule/recipe``.

    Raises:
        ValueError: an unknown name.
    """
    values = PRESETS.read(name)
    about = values.pop("preset")
    return Preset(about["title"], about["source"], about["published"], values)


def merged(base: dict[str, Any], over: dict[str, Any]) -> dict[str, Any]:
    """``base`` with the values of ``over``.

    Options are replaced key by key, unless they belong to a component that is replaced; imports of both are kept.
    """
    result = dict(base)
    for component in COMPONENTS:
        own = base.get(component, Settings.model_fields[component].default)
        if over.get(component, own) != own:
            for name in (f"{component}_option", *(OF_A_RULE if component == "rule" else ())):
                result.pop(name, None)
    for name, value in over.items():
        if name in IMPORTS and isinstance(value, list | tuple):
            result[name] = (*result.get(name, ()), *value)
            continue
        joined = isinstance(value, dict) and isinstance(result.get(name), dict)
        result[name] = {**result[name], **value} if joined else value
    return result
