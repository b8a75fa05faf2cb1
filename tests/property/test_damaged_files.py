"""Files that were changed in any way are read right, or refused in one sentence."""

import json
import random
import re
import shutil

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save

from spikelearn.bench import read_results
from spikelearn.cli.app import run
from spikelearn.documents import json_text, sealed, write_toml
from spikelearn.files import digest_of
from spikelearn.report import write_all
from spikelearn.report.recording import Recording
from spikelearn.training import RunFolder, load_checkpoint, save_checkpoint
from tests.in_this_process import trials_in_this_process

QUICK = ["--net", "64-6-10", "--steps", "3", "--epochs", "2", "--batch", "100", "--data-fraction", "0.1"]

#: What reads each file of a run that has ended.
READ_BY = {
    "settings.toml": ["evaluate"],
    "weights.safetensors": ["evaluate"],
    "result.json": ["inspect", "--json"],
    "metrics.jsonl": ["inspect", "--json"],
    "recording.npz": ["inspect", "--pictures", "--json"],
}
OF_A_TRIAL = ("trial.json", "looks.jsonl", "metrics.jsonl", "recording.npz", "result.json", "settings.toml")

NASTY = (
    "NaN", "Infinity", "1e400", "-1", "0", "1e23", "null", "true", '"x"', '"\\ud800"', "[]", "{}", "1" * 400, "1" * 5000,
    "-0.0", "99999999999999999999", '"=1+1"', "[" * 500 + "]" * 500, "nan", "inf", "2026-01-01", '"NaN"',
)  # fmt: skip


def changed(content, chance):
    """``content`` with one or two random changes: of bytes, lines or values."""
    for _ in range(chance.choice((1, 1, 2))):
        content = chance.choice((_bytes, _lines, _values))(content, chance)
    return content


def _bytes(content, chance):
    at, length = chance.randrange(len(content) + 1), chance.choice((1, 1, 2, 8, 64, len(content)))
    kind = chance.choice(("bit", "cut", "drop", "double", "noise", "zeros", "empty"))
    if kind == "bit" and at < len(content):
        return content[:at] + bytes([content[at] ^ (1 << chance.randrange(8))]) + content[at + 1 :]
    new = {"double": content[at : at + length] * 2, "noise": chance.randbytes(min(length, 64)), "zeros": bytes(8)}
    after = {"cut": b"", "double": content[at + length :], "drop": content[at + length :]}.get(kind, content[at:])
    return b"" if kind == "empty" and chance.random() < 0.2 else content[:at] + new.get(kind, b"") + after


def _lines(content, chance):
    lines = content.splitlines(keepends=True) or [b""]
    at, kind = chance.randrange(len(lines)), chance.choice(("drop", "double", "swap", "cut"))
    if kind == "swap":
        other = chance.randrange(len(lines))
        lines[at], lines[other] = lines[other], lines[at]
    else:
        lines[at : len(lines) if kind == "cut" else at + 1] = [lines[at]] * 2 if kind == "double" else []
    return b"".join(lines)


def _values(content, chance):
    places = list(re.finditer(rb'-?\b\d[\d.e+-]*|"[^"\n]{0,40}"|\btrue\b|\bfalse\b|\bnull\b', content[:20_000]))
    if not places:
        return content
    place = chance.choice(places)
    return content[: place.start()] + chance.choice(NASTY).encode() + content[place.end() :]


def made_good(path, chance):
    """Change a value of a file, and set its checksums right: what is left is a right form with a wrong content."""
    if path.suffix == ".toml":
        rest = _values(path.read_bytes().partition(b"\n")[2], chance)
        write_toml(path, {})
        head = path.read_bytes()
        import hashlib

        path.write_bytes(re.sub(rb"[0-9a-f]{64}", hashlib.sha256(rest).hexdigest().encode(), head) + rest)
    elif path.suffix in (".json", ".jsonl"):
        lines = [json.loads(line) for line in _rows(path)]
        _change_in(chance.choice(lines), chance)
        text = "\n".join(json_text(sealed(line) if "sha256" in line else line) for line in lines)
        path.write_text(text + "\n" if text else "")
    elif path.suffix == ".npz":
        with np.load(path) as file:
            arrays = dict(file)
        name = chance.choice(list(arrays))
        array = arrays.pop(name)
        other = (array.astype("complex64"), array[..., None], array.astype(str), array * np.nan, np.array([]), None)
        new = chance.choice((*other, array.astype("int8"), array.ravel(), np.zeros((3, 1, 40), "float32")))
        np.savez_compressed(path, **arrays, **({} if new is None else {chance.choice((name, "spikes.x")): new}))
    elif path.suffix == ".safetensors":
        tensors = load_file(path)
        name = chance.choice(list(tensors))
        value = tensors.pop(name)
        new = chance.choice((value * float("nan"), value.double(), value.int(), value[None], value.bool(), value[:0]))
        _save_good(path, {**tensors, chance.choice((name, name, "other")): new}, chance)
    else:
        state = load_checkpoint(path)
        _change_in(chance.choice((state["position"], state["about"], state)), chance)
        save_checkpoint(path, state)


def _rows(path):
    return path.read_text().splitlines() if path.suffix == ".jsonl" else [path.read_text()]


def _save_good(path, tensors, chance):
    from spikelearn.export.safetensors import _CONTENT, _KEY, _digest, load_weights

    metadata = load_weights(path)[1]
    if chance.random() < 0.3:
        _change_in(metadata, chance)
    known = sealed({**metadata, _CONTENT: _digest(tensors)})
    path.write_bytes(save({n: t.contiguous() for n, t in tensors.items()}, metadata={_KEY: json.dumps(known)}))


def _change_in(value, chance):
    """Change, drop or add something at a random place of nested values."""
    while True:
        keys = list(value) if isinstance(value, dict) else range(len(value))
        key = chance.choice(list(keys))
        inner = value[key]
        if isinstance(inner, dict | list) and inner and chance.random() < 0.8:
            value = inner
            continue
        if chance.random() < 0.2:
            del value[key]
        else:
            value[key] = chance.choice(
                (None, -1, 0, 1e300, 10**30, "x", "=x", [], {}, [1, "a"], {"a": None}, True, 0.5)
            )
        return


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    """A run that has ended, and what reads its files prints."""
    out = tmp_path_factory.mktemp("ended") / "run"
    assert run(["train", *QUICK, "--out", str(out)]) == 0
    return out


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A comparison of two trials."""
    out = tmp_path_factory.mktemp("compared") / "out"
    common = ["net=64-6-10", "steps=3", "epochs=2", "data-fraction=0.1"]
    flags = ["--rules", "bptt", "readout-only", "--seeds", "1", "--untuned", "--set", *common]
    with trials_in_this_process():
        assert run(["compare", *flags, "--out", str(out)]) == 0
    return out


def check_run(ended, name, folder, seed, capsys, good=False):
    """What came of one change of a run's file: "right" or "refused"."""
    chance = random.Random(seed)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(ended, folder)
    path = folder / name
    if good:
        made_good(path, chance)
        if name in ("metrics.jsonl", "recording.npz", "weights.safetensors"):
            result = json.loads((folder / "result.json").read_text())
            result["files"][name] = digest_of(path)
            (folder / "result.json").write_text(json_text(sealed(result)))
    else:
        path.write_bytes(changed(path.read_bytes(), chance))
    if name == "recording.npz":
        try:
            RunFolder(folder).check_unchanged(path)
            Recording(path)
        except ValueError:
            return "refused"
        assert good or path.read_bytes() == (ended / name).read_bytes()
        return "right"
    capsys.readouterr()
    code = run([READ_BY[name][0], str(folder), *READ_BY[name][1:]])
    seen = capsys.readouterr()
    assert code in (0, 2), seen
    assert "unexpected" not in seen.err, seen.err
    assert "Traceback" not in seen.err, seen.err
    if code == 2:
        assert seen.err.splitlines()[-1].startswith("error: "), seen.err
        return "refused"
    if not good:
        assert run([READ_BY[name][0], str(ended), *READ_BY[name][1:]]) == 0
        expected = capsys.readouterr().out.replace(str(ended), "")
        found = seen.out.replace(str(folder), "")
        # Where data lie, and on what a run is computed, changes no result, and is read as it is written.
        place = re.compile(r'"(device|data_root)": [^,]*,')
        assert place.sub("", found) == place.sub("", expected), "wrong in silence"
    return "right"


def check_trial(compared, name, folder, seed, good=False):
    """What came of one change of a trial's file; the other trial is whole in every case."""
    chance = random.Random(seed)
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(compared, folder)
    whole = read_results(compared)
    trial, other = sorted(whole.records)
    path = folder / "trials" / trial / name
    if good:
        made_good(path, chance)
    else:
        path.write_bytes(changed(path.read_bytes(), chance))
    results = read_results(folder)
    assert results.records[other] == whole.records[other]
    if good and seed % 10 == 0:
        write_all(folder)
    if trial in results.records:
        assert good or results.records[trial] == whole.records[trial]
        return "right"
    (missing,) = results.missing
    assert missing.state in ("damaged", "unfinished"), missing
    return "refused"


def check_index(compared, folder, seed, good=False):
    """What came of one change of a comparison's index."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(compared, folder, ignore=shutil.ignore_patterns("report.*", "results.*"))
    path = folder / "index.json"
    if good:
        made_good(path, random.Random(seed))
    else:
        path.write_bytes(changed(path.read_bytes(), random.Random(seed)))
    try:
        results = read_results(folder)
        if good and results.records:
            write_all(folder)
    except ValueError as error:
        return "refused" if "index.json" in str(error) or "trial" in str(error) else str(error)
    whole = read_results(compared)
    assert good or (results.index, results.places) == (whole.index, whole.places)
    return "right"


def check_resumed(stopped, name, folder, seed, capsys, good=False):
    """What came of one change of the files of a run that was stopped: the same weights, or a refusal."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(stopped, folder)
    path = folder / name
    if good:
        made_good(path, random.Random(seed))
    else:
        path.write_bytes(changed(path.read_bytes(), random.Random(seed)))
    capsys.readouterr()
    code = run(["train", "--resume", str(folder)])
    seen = capsys.readouterr()
    assert code in (0, 2), seen
    assert "unexpected" not in seen.err, seen.err
    if code == 2:
        return "refused"
    found = load_file(folder / "weights.safetensors")
    expected = load_file(stopped.parent / "run" / "weights.safetensors")
    same = all(torch.equal(found[n], value) for n, value in expected.items())
    rows = [[row["accuracy"] for row in RunFolder(f).read_metrics()] for f in (folder, stopped.parent / "run")]
    assert good or (same and rows[0] == rows[1]), "wrong in silence"
    return "right"


def check_toml(text, command, folder, seed, capsys):
    """What came of one change of a file that users write: another valid one, or a refusal."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    (folder / "a.toml").write_bytes(changed(text, random.Random(seed)))
    capsys.readouterr()
    code = command(folder / "a.toml")
    err = capsys.readouterr().err
    assert code in (0, 2), err
    assert "unexpected" not in err, err
    return "refused" if code == 2 else "valid"


some = settings(
    max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
seeds = st.integers(0, 10**9)


@pytest.mark.parametrize("name", READ_BY)
@some
@given(seed=seeds, good=st.booleans())
def test_a_file_of_a_run_is_right_or_refused(ended, tmp_path, capsys, name, seed, good):
    check_run(ended, name, tmp_path / "copy", seed, capsys, good)


@pytest.mark.parametrize("name", OF_A_TRIAL)
@some
@given(seed=seeds, good=st.booleans())
def test_a_trial_whose_file_was_changed_counts_as_damaged(compared, tmp_path, name, seed, good):
    check_trial(compared, name, tmp_path / "copy", seed, good)


@some
@given(seed=seeds, good=st.booleans())
def test_an_index_is_right_or_refused(compared, tmp_path, seed, good):
    assert check_index(compared, tmp_path / "copy", seed, good) in ("right", "refused")
