"""Every mistake names a page of the documentation, that of what went wrong."""

import re
from pathlib import Path

import pytest

from spikelearn.cli.app import COMMANDS, run
from spikelearn.cli.pages import FIRST, OF_COMMANDS, OF_PARTS, page_of

ROOT = Path(__file__).parents[3]


def test_every_command_and_part_has_a_page_that_is_there():
    assert set(COMMANDS) <= set(OF_COMMANDS)
    for page in {*OF_COMMANDS.values(), *OF_PARTS.values(), FIRST}:
        assert (ROOT / "docs" / f"{page}.md").is_file()
    for part in OF_PARTS:
        path = ROOT / "spikelearn" / part.replace(".", "/")
        assert path.is_dir() or path.with_suffix(".py").is_file()


@pytest.mark.parametrize(
    ("command", "page"),
    [
        (["train", "--epochs", "none"], "train"),
        (["train", "--lr", "-1"], "train"),
        (["train", "--data", "file:none.npz"], "own-data"),
        (["train", "--import", "none.py"], "extending"),
        (["compare", "--rules", "bppt"], "compare"),
        (["verify", "none.nir"], "export"),
        (["doctor", "none"], "doctor"),
    ],
)
def test_a_mistake_names_the_page(command, page, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert run(command) == 2
    assert re.search(rf"^error: \S.* \(docs/{page}\.md\)$", capsys.readouterr().err, re.MULTILINE)


def test_the_innermost_part_counts():
    from spikelearn.recordings import read_recording

    with pytest.raises(ValueError) as caught:
        read_recording(Path("none.aedat4"))
    assert page_of("train", caught.value.__traceback__) == "docs/recordings.md"
    assert page_of("", None) == f"docs/{FIRST}.md"
