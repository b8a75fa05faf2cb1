"""The benchmark for GPUs, as far as it goes without one."""

import json

import pytest
import torch

from benchmarks.gpu_layer import main


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU, and the benchmark would run")
def test_says_that_there_is_no_gpu(capsys):
    with pytest.raises(SystemExit) as ended:
        main([])
    assert ended.value.code == 2
    assert "no GPU" in capsys.readouterr().err


def test_arguments_are_read_first(capsys):
    with pytest.raises(SystemExit):
        main(["--rounds", "many"])
    assert "invalid int value" in capsys.readouterr().err


def test_runs_at_a_small_size(tmp_path, capsys):
    path = tmp_path / "rows.json"
    size = ["--neurons", "16", "--batch", "2", "--steps", "4", "--rounds", "1"]
    main(["--device", "cpu", *size, "--peers", "--json", str(path)])
    rows = {row["name"]: row for row in json.loads(path.read_text())}
    assert rows["spikelearn-dense"]["times_ours"] == 1.0
    assert rows["floor"]["times_floor"] == 1.0
    assert all(row["ms"] > 0 and row["mib"] is None for row in rows.values())
    assert "floor, bfloat16" in capsys.readouterr().out
