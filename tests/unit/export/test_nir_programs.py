"""Readers that are not installed beside the tests, as modules that stand in for them: what they are given and give."""

import sys
from types import ModuleType, SimpleNamespace

import nir
import numpy as np
import pytest

from spikelearn.export.nir_programs import FILE_DT, PROGRAMS, NotRun

IMAGES = (np.arange(4 * 2 * 3 * 5 * 6).reshape(4, 2, 3, 5, 6) % 7 == 0).astype(np.float32)


def stand_in(monkeypatch, name, **content):
    module = ModuleType(name)
    vars(module).update(content)
    monkeypatch.setitem(sys.modules, name, module)
    return module


@pytest.fixture
def file(tmp_path):
    nir.write(tmp_path / "a.nir", nir.NIRGraph.from_list(nir.Input(np.array([3])), nir.Output(np.array([3]))))
    return str(tmp_path / "a.nir")


def test_sparx_takes_time_first_and_channels_last_in_euler_steps(monkeypatch, file):
    """As its documentation says, [T, B, H, W, C]; run with sparx 0.1.1, flat and on images, it fires the same."""
    seen = {}

    def from_nir(graph, **options):
        seen.update(options, graph=graph)
        return SimpleNamespace(apply=lambda variables, x: seen.update(x=x, variables=variables) or x), "variables"

    stand_in(monkeypatch, "sparx", nir=stand_in(monkeypatch, "sparx.nir", from_nir=from_nir))
    found = PROGRAMS["sparx"](file, IMAGES)
    assert (seen["dt"], seen["discretization"], seen["variables"]) == (FILE_DT, "euler", "variables")
    assert isinstance(seen["graph"], nir.NIRGraph)
    assert seen["x"].shape == (4, 2, 5, 6, 3)
    assert np.array_equal(found, IMAGES)


def test_jaxpike_steps_from_its_first_state_with_channels_last(monkeypatch, file):
    class Module:
        def init_state(self, shape):
            assert shape == (2, 5, 6, 3)
            return 0

        def __call__(self, state, x):
            return state + 1, x * (state == len(steps) - 1)

    steps = []

    def load(path, dt_seconds):
        assert (path, dt_seconds) == (file, FILE_DT)
        return Module()

    stand_in(monkeypatch, "jax", jit=lambda step: lambda state, x: steps.append(x) or step(state, x))
    stand_in(monkeypatch, "jaxpike", nir=stand_in(monkeypatch, "jaxpike.nir", load=load))
    assert np.array_equal(PROGRAMS["jaxpike"](file, IMAGES), IMAGES)
    assert len(steps) == 4


@pytest.mark.parametrize(("errors", "words"), [([], "takes the file"), (["v_leak must be 0"], "v_leak must be 0")])
def test_snn_mlir_says_whether_it_would_take_the_file(monkeypatch, file, errors, words):
    report = SimpleNamespace(ok=not errors, errors=[SimpleNamespace(message=message) for message in errors])
    stand_in(monkeypatch, "snn_mlir", check=lambda path: report)
    with pytest.raises(NotRun, match=words):
        PROGRAMS["snn-mlir"](file, IMAGES)
