"""The page of the documentation that a mistake is explained on."""

from types import TracebackType

#: {subcommand: page}.
OF_COMMANDS = {
    **dict.fromkeys(("train", "evaluate", "inspect", "presets", "traces", "continual", "meta"), "train"),
    **dict.fromkeys(("compare", "report", "align"), "compare"),
    **{"tune": "tune", "export": "export", "verify": "export", "doctor": "doctor", "datasets": "own-data"},
    **{
        "phenotype": "train",
        "credits": "train",
        "impairments": "compare",
        **dict.fromkeys(("simulate", "plot"), "simulate"),
    },
    **{"rules": "extending", "neurons": "extending", "locality": "extending"},
}

#: {where in the package a mistake was found: page}, the inner folder before the outer one.
OF_PARTS = {
    "recordings": "recordings",
    "datasets": "own-data",
    "loading": "own-data",
    "export": "export",
    "imports": "extending",
    "bench.tune": "tune",
    "bench": "compare",
    "doctor": "doctor",
    "museum": "simulate",
}

#: Where neither says.
FIRST = "getting-started"


def page_of(command: str, trace: TracebackType | None) -> str:
    """The file of the page, as "docs/train.md": that of the part which found the mistake, else of the command.

    Args:
        command: the subcommand; "" where none was named.
        trace: of the error; None: there was none.
    """
    found = ""
    while trace is not None:
        name = trace.tb_frame.f_globals.get("__name__", "").removeprefix("spikelearn.")
        # The innermost part that has a page: checks and registries, which raise for many, have none.
        found = next((page for part, page in OF_PARTS.items() if f"{name}.".startswith(f"{part}.")), found)
        trace = trace.tb_next
    return f"docs/{found or OF_COMMANDS.get(command, FIRST)}.md"
