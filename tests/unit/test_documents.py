"""JSON and TOML as all files are read and written."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spikelearn.documents import (
    are_same,
    check_seal,
    is_untouched,
    json_text,
    object_from,
    read_sealed,
    read_toml,
    sealed,
    value_from,
    write_json,
    write_toml,
)

numbers = st.one_of(st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False))
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abcd", min_size=1), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text("abcd", min_size=1), values, max_size=4))
def test_what_is_written_is_read_and_its_seal_holds(value):
    found = object_from(json_text(sealed(value)).encode())
    check_seal(found)
    assert {key: item for key, item in found.items() if key != "sha256"} == value


@given(st.dictionaries(st.text("abcd", min_size=1), values, min_size=1, max_size=4), st.data())
def test_a_changed_value_breaks_the_seal(value, data):
    found = sealed(value)
    key = data.draw(st.sampled_from(list(value)))
    other = data.draw(values)
    if are_same(value[key], other):
        return
    with pytest.raises(ValueError, match="checksum does not match"):
        check_seal({**found, key: other})


def test_numbers_that_json_has_not_are_text():
    text = json_text({"a": math.inf, "b": [-math.inf, math.nan]})
    assert json.loads(text, parse_constant=None) == {"a": "Infinity", "b": ["-Infinity", "NaN"]}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "no JSON"),
        (b"\xff", "no JSON"),
        (b"{", "no JSON"),
        (b'{"a": NaN}', "no JSON"),
        (b'{"a": "\\ud800"}', "no JSON"),
        (b"[" * 100_000 + b"]" * 100_000, "recursion limit"),
        (b"[]", "no JSON object"),
        (b'{"a": {"b": [1, 1e400]}}', "a.b.1 is a number that is too large"),
        (b'{"a": -1e999}', "a is a number that is too large"),
        (b'{"a": 1' + 400 * b"1" + b"}", "a is a number that is too large"),
        (b'{"a": 1' + 5000 * b"1" + b"}", "no JSON"),
    ],
)
def test_what_is_no_object_is_said(content, words):
    with pytest.raises(ValueError, match=words) as error:
        object_from(content)
    assert "unexpected" not in str(error.value)


def test_text_that_looks_like_a_large_number_is_text():
    assert value_from(b'["1e400", "' + 400 * b"1" + b'", 1e300]') == ["1e400", 400 * "1", 1e300]


def test_files_are_named(tmp_path):
    path = tmp_path / "a.json"
    with pytest.raises(ValueError, match="a.json does not exist"):
        read_sealed(path)
    write_json(path, {"a": 1})
    with pytest.raises(ValueError, match="a.json is damaged: it has no checksum.*: do so"):
        read_sealed(path, "do so")
    path = tmp_path / "a.toml"
    path.write_bytes(b"a = [" * 100_000)
    with pytest.raises(ValueError, match="a.toml is no TOML file"):
        read_toml(path)


def test_a_toml_file_that_was_touched_is_known(tmp_path):
    path = tmp_path / "a.toml"
    values = {"a": 1, "b": {"c": [1.5, "x"]}}
    write_toml(path, values)
    assert is_untouched(path)
    assert read_toml(path) == values
    for text in (path.read_text() + "# mine\n", path.read_text().replace("1.5", "2.5"), "a = 1\n", ""):
        path.write_text(text)
        assert not is_untouched(path)


def test_kinds_of_values_are_told_apart():
    assert are_same({"a": 1, "b": 2}, {"b": 2, "a": 1})
    assert not are_same(1, True)
    assert not are_same(1, 1.0)
