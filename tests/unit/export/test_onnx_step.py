"""onnxruntime fires, step by step, what the network fires."""

import pytest
import torch

from spikelearn.export.onnx_step import ONNX, step_model
from spikelearn.network import build
from spikelearn.neurons import IF, LIF, PLIF, CubaLIF, LeakyIntegrator, Rate
from spikelearn.neurons.activations import Linear

onnxruntime = pytest.importorskip("onnxruntime")

CASES = {
    "dense": ("12-20-5", (12,), lambda: LIF.per_step(0.9), None),
    "conv, pools": ("4C3p1-P2-6C3-SP2-5", (1, 12, 12), lambda: LIF.per_step(0.8), None),
    "filter, subtractive, inclusive": (
        "12-20-5",
        (12,),
        lambda: CubaLIF(reset="subtract", inclusive=True, r=9.0),
        None,
    ),
    "without leak, an integrator at the end": ("12-20-5", (12,), IF, LeakyIntegrator),
    "learned leak": ("12-20-5", (12,), lambda: PLIF(5e-3, r=12.0), None),
    "learned leak of unit gain, linear rates at the end": (
        "12-20-5",
        (12,),
        lambda: PLIF.per_step(0.8),
        lambda: Rate(Linear()),
    ),
    "rest": ("12-20-5", (12,), lambda: LIF(v_leak=-0.1, v_reset=-0.2, r=30.0), None),
}


@pytest.mark.parametrize("name", CASES)
def test_onnxruntime_steps_as_the_network(name, tmp_path):
    text, shape, neuron, output = CASES[name]
    torch.manual_seed(0)
    network = build(text, neuron, input_shape=shape, output=output)
    with torch.no_grad():
        for block in network.blocks.values():
            for parameter in block.synapse.parameters():
                parameter.mul_(4.0)
    x = (torch.rand(25, 8, *shape) < 0.4).float()
    path = tmp_path / "step.onnx"
    ONNX().write(network, path, shape, {})
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    with torch.no_grad():
        record, state = network.run(x)[0], {}
    for value in session.get_inputs()[1:]:
        block = network.blocks[value.name.rpartition("_")[0]]
        start = float(block.neuron.v_leak) if value.name.endswith("_v") else 0.0
        state[value.name] = torch.full((8, *value.shape[1:]), start).numpy()
    outputs = []
    for now in x:
        found = session.run(None, {"x": now.numpy(), **state})
        names = [value.name for value in session.get_outputs()]
        state = {key.removesuffix("_next"): value for key, value in zip(names[1:], found[1:], strict=True)}
        outputs.append(torch.from_numpy(found[0]))
    theirs = torch.stack(outputs)
    if output is None:
        assert record.output.spikes.sum() > 20
        assert theirs.equal(record.output.spikes)
    else:
        torch.testing.assert_close(theirs, record.output.v)


def test_what_is_not_written_is_named():
    for network, words in (
        (build("6-5-4(+inputs)"), "no chain"),
        (build("1x6x6-2C3-MP2-4"), "MaxPool2d"),
    ):
        with pytest.raises(ValueError, match=words):
            step_model(network, network.input_shape or (6,) if "chain" in words else (1, 6, 6))
