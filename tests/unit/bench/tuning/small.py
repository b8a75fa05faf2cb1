"""Small conditions and a space of one dimension."""

from spikelearn.bench.tune.spaces import space_from
from spikelearn.runs import filled_in, merged, needs_of

SMALL = {"net": "64-12-10", "steps": 15, "epochs": 2, "batch": 64, "data_fraction": 0.1, "validation": 0.2}


LR = space_from({"lr": {"low": 1e-4, "high": 1.0, "default": 1e-3}})


def whole(rule, **more):
    values = merged(merged({**SMALL, **more}, {"rule": rule}), needs_of(rule, more.get("data", "digits")))
    return {**values, "net": filled_in(values["net"], values.get("common_net", more.get("net", SMALL["net"])))}
