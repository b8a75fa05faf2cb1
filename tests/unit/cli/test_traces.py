import json

from spikelearn.cli.app import run

STEPPED = ("--rule-option", "signal=direct:loss=cross-entropy-membrane", "--rule-option", "form=step")


def test_each_weight_and_its_trace(capsys):
    flags = ("traces", "--net", "784-200(F200)-10", "--rule-option", "trace=eligibility", *STEPPED)
    assert run([*flags, "--neuron", "adaptive-lif", "--neuron-option", "reset=subtract"]) == 0
    told = capsys.readouterr().out
    assert "feedback.from_fc1.synapse.weight\n  alif: in closed form, low-passed by the readout, 0.9 per step" in told
    assert run([*flags, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    # A reset to a value has no closed form.
    assert rows["blocks.fc1.synapse.1.weight"]["trace"] == "derived"
    assert rows["blocks.fc1.synapse.1.weight"]["kept"] == 2 * 784 * 200
    assert run(["traces", "--rule", "bptt", "--net", "64-10"]) == 0
    assert "no trace: bptt is not made of a signal and a trace" in capsys.readouterr().out


def test_traces_of_both_sides_of_a_synapse(capsys):
    """A number for each input, and one for each neuron behind that is not read; none for a bias."""
    flags = ("traces", "--rule", "s-tllr", "--rule-option", "form=step", "--rule-option", "decay-read=0.9")
    assert run([*flags, "--net", "64-20(F20)-10", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    weights = {"blocks.fc1.synapse.1.weight": 64 + 20, "feedback.from_fc1.synapse.weight": 20 + 20}
    weights["blocks.fc2.synapse.1.weight"] = 20
    assert {name: row["kept"] for name, row in rows.items() if row["kept"]} == weights
    assert {row["trace"] for row in rows.values()} == {"pre-post"}
    words = rows["blocks.fc1.synapse.1.weight"]["words"]
    assert words == "what meets the weight, 0.75 per step; derivatives behind it, 0.2 per step"
    assert rows["blocks.fc2.synapse.1.weight"]["words"] == "what meets the weight, 0.9 per step"
    assert run(["traces", "--rule", "s-tllr", "--net", "64-20(F20)-10"]) == 2
    assert "(rule 10 of spikelearn traces --pairs)" in capsys.readouterr().err


def test_pairs_are_listed_by_number_and_refused_by_it(capsys):
    assert run(["traces", "--pairs", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert list(rows) == [str(n + 1) for n in range(len(rows))]
    assert all(row["parts"] and row["reason"] and row["cure"] for row in rows.values())
    assert run(["traces", "--pairs"]) == 0
    assert "6. a closed form, and neurons of another kind" in capsys.readouterr().out
    assert run(["traces", "--rule-option", "trace=lif", *STEPPED]) == 2
    assert "(rule 6 of spikelearn traces --pairs)" in capsys.readouterr().err
