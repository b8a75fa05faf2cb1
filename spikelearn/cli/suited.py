"""Settings of a new run: what its rule needs filled in, and checked before anything is begun."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikelearn.catalogue import PRESETS
from spikelearn.cli.common import progress
from spikelearn.plasticity import Unmet
from spikelearn.runs import (
    OF_A_STRING,
    Settings,
    adapted,
    filled_in,
    for_neurons,
    is_nir,
    merged,
    needed,
    needs_of,
    open_run,
    prepare,
    read_preset,
    read_settings,
    settings_from,
    usable_device,
)
from spikelearn.training import RunFolder


def suited(values: dict[str, Any], given: dict[str, Any]) -> tuple[Settings, str]:
    """Settings that a run can begin with, and a sentence on what was filled in; "" where nothing was.

    Where neither a preset nor a file of settings was named, a rule gets what it needs and its default settings, as in a
    comparison; flags win.

    Args:
        values: of a preset or a file; empty where there is none.
        given: the flags.

    Raises:
        ValueError: settings or data that cannot be used; flags that contradict what the rule needs, with all that it
            needs at once, and its recipe where it has a published one.
    """
    settings = settings_from(merged(values, given))
    before, told = settings, ""
    if not values:
        settings = _filled(settings, given)
        told = _flags(before, settings)
    try:
        check(settings)
    except ValueError as refusal:
        if isinstance(refusal, Unmet):
            raise ValueError(f"{refusal}{_cure(settings)}") from refusal
        if told and str(refusal) != _refusal(before):
            raise ValueError(f"{refusal}; filled in for {settings.rule}: {told}{_cure(settings)}") from refusal
        raise
    return settings, f"filled in for {settings.rule}: {told}{_recipe(settings)}" if told else ""


def settings_at(source: str) -> tuple[Settings, RunFolder | None]:
    """Settings of a run's folder, which comes with them, of a TOML file, or of a preset.

    Raises:
        ValueError: nothing of that name, settings that cannot be run.
    """
    path = Path(source)
    if path.is_dir():
        folder = RunFolder(path)
        return open_run(folder), folder
    values = read_settings(path) if path.is_file() else read_preset(source).values
    values.pop("out", None)
    settings, filled_in = suited(values, {})
    if filled_in:
        progress.print(filled_in, style="yellow")
    return settings, None


def check(settings: Settings) -> None:
    """Raise ValueError where a run of these settings could not begin; nothing is written."""
    usable_device(settings.device)
    prepare(settings)


def _refusal(settings: Settings) -> str:
    """The reason why a run of these settings could not begin; "" where it could."""
    try:
        check(settings)
    except ValueError as error:
        return str(error)
    return ""


def _filled(settings: Settings, given: dict[str, Any]) -> Settings:
    """The settings with the needs of their rule, and its default settings; the flags ``given`` win."""
    needs = needs_of(settings.rule, settings.data, settings.rule_option, settings.readout)
    if "optimizer" in given:
        needs.pop("lr", None)  # it is meant for the rule's own optimizer
    net = settings.net
    template = needs.pop("net", net)
    needs["net"] = adapted(net, settings.make_rule()) if "net" in given else filled_in(template, net)
    if is_nir(net):
        needs = {name: value for name, value in needs.items() if name not in OF_A_STRING}
    else:
        needs = for_neurons(needs, given, needs["net"])
    said = {name: value for name, value in given.items() if name != "net"}
    return settings_from(merged(merged({"rule": settings.rule}, needs), said))


def _cure(settings: Settings) -> str:
    """All that the rule of ``settings`` needs, as flags; "" where these are none."""
    rule = settings.make_rule()
    bare = {"rule": settings.rule, "net": settings.net}
    needs = {**needed(rule, still=settings.takes_encoder()), "net": adapted(settings.net, rule)}
    if is_nir(settings.net):
        needs = {name: value for name, value in needs.items() if name not in OF_A_STRING}
    flags = _flags(settings_from(bare), settings_from({**bare, **needs}))
    return f"; all that {settings.rule} needs at once: {flags}{_recipe(settings)}" if flags else ""


def _recipe(settings: Settings) -> str:
    recipes = [name for name in PRESETS.names() if name.startswith(f"{settings.rule}/")]
    return f"; a published recipe: --preset {recipes[0]}" if recipes else ""


def _flags(before: Settings, after: Settings) -> str:
    """The settings that differ, written as flags."""
    words = []
    for name in Settings.model_fields:
        value, old = getattr(after, name), getattr(before, name)
        if value == old:
            continue
        flag = name.replace("_", "-")
        if isinstance(value, bool):
            words.append(f"--{'' if value else 'no-'}{flag}")
        elif isinstance(value, Mapping):
            # What a flag says is no need, also where settings hold in its place what the file that it names holds.
            changed = {key: one for key, one in value.items() if key not in old}
            words += [f"--{flag} {key.replace('_', '-')}={_plain(one)}" for key, one in changed.items()]
        else:
            words.append(f"--{flag} {' '.join(map(str, value)) if isinstance(value, tuple) else value}")
    return " ".join(words)


def _plain(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
