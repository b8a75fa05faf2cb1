"""Networks on which every identity of IDE is tried."""

import pytest
import torch

from tests.unit.plasticity.ide.networks import F64, NETWORKS, PLACES


@pytest.fixture(params=NETWORKS)
def case(request):
    return NETWORKS[request.param](), torch.rand(4, *PLACES[request.param], dtype=F64)
