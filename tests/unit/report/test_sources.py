from spikelearn.report import sources
from spikelearn.runs import settings_from


def test_all_that_a_run_is_made_of_is_named():
    settings = settings_from(
        {
            **{"rule": "fa", "rule_option": {"loss": "mse-count", "adjoint": "triangle:width=2"}},
            **{"output": "if", "optimizer": "adamw", "schedule": "cosine", "init": "kaiming", "encoder": "rate"},
            **{"noise": "gaussian(sd=0.1)", "hardware": "bits:bits=5", "prune": "global:sparsity=0.5"},
        }
    )
    found = sources(settings)
    assert set(found) == {
        *(
            "rule fa",
            "signal feedback",
            "trace eligibility",
            "loss mse-count",
            "adjoint surrogate",
            "surrogate triangle",
            "neuron lif",
            "neuron if",
        ),
        *("optimizer adamw", "schedule cosine", "initialiser kaiming", "encoder rate", "noise gaussian"),
        *("hardware bits", "pruning global", "score magnitude", "data set digits"),
    }
    assert all(found.values())


def test_parts_are_found_within_parts():
    settings = settings_from({"rule_option": {"adjoint": "compiled:adjoint=sigmoid,backend=eager"}})
    assert {"adjoint compiled", "adjoint surrogate", "surrogate sigmoid"} <= set(sources(settings))


def test_the_encoder_that_is_taken_where_none_is_named_is_cited_and_none_of_events():
    assert "encoder direct" in sources(settings_from({}))
    assert not any(name.startswith("encoder") for name in sources(settings_from({"data": "digits-events"})))


def test_every_part_of_a_rule_made_of_parts_is_cited():
    settings = settings_from({"rule": "split", "rule_option": {"rest": "stdp", "last": "bptt:loss=mse-count"}})
    cited = {"rule split", "rule stdp", "rule bptt", "loss mse-count", "optimizer sgd", "optimizer adam"}
    assert cited <= set(sources(settings))
