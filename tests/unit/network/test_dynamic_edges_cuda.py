"""Listed connections, delays and releases on a GPU give what they give on the CPU."""

import copy

import pytest
import torch

from spikelearn.network import build
from spikelearn.neurons import ATan, Surrogate

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")

NETS = [
    "20-30(k5 d0..3)(>fc1 x p0.3 d1..2)-5",
    "20-30(dcls6:width=1.5)-5(tsodyks-markram:u=0.4,tau_rec=0.02,learnable=true)",
]


@pytest.mark.parametrize("net", NETS)
def test_currents_and_gradients(net):
    host = build(net, generator=torch.Generator().manual_seed(0)).double()
    with torch.no_grad():
        for block in host.blocks.values():
            for parameter in block.synapse.parameters():
                parameter.mul_(3.0 if parameter.ndim > 1 else 1.0)
    device = copy.deepcopy(host).cuda()
    inputs = (torch.rand(15, 4, 20, generator=torch.Generator().manual_seed(1)) < 0.4).double()
    found = []
    for network, x in ((host, inputs), (device, inputs.cuda())):
        record, state = network.run(x, adjoint=Surrogate(ATan()))
        stepped = None
        for now in x:
            _, stepped = network.step(now, stepped)
        for one, other in zip(state.tensors().values(), stepped.tensors().values(), strict=True):
            torch.testing.assert_close(one, other)
        learned = [p for p in network.parameters() if p.requires_grad]
        grads = torch.autograd.grad(record.output.spikes.sum() + record.output.v.square().sum(), learned)
        found.append([record["fc1"].spikes.detach().cpu(), record.output.v.detach().cpu(), *(g.cpu() for g in grads)])
    assert float(found[0][0].sum()) > 0
    torch.testing.assert_close(found[0], found[1])
