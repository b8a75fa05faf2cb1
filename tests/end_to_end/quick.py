"""Quick trainings from the command line."""

import json

QUICK = ["--net", "64-20-10", "--steps", "5", "--epochs", "2", "--batch", "100", "--lr", "0.005"]


def one_object(capsys):
    out = capsys.readouterr().out
    assert out.count("\n") == 1, "not one line on standard output"
    return json.loads(out)


def sentence(capsys):
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = [line for line in captured.err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1
    assert captured.err.splitlines()[-1] == lines[0]
    assert "Traceback" not in captured.err
    return lines[0]
