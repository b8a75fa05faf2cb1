"""Oja's rule: principal components of what meets the weights."""

from typing import Literal

from torch import Tensor

from spikelearn.checks import check_choice
from spikelearn.plasticity.base import RULES, Memory, OptimizerChoice
from spikelearn.plasticity.factors import Factors
from spikelearn.plasticity.hebbian.layerwise import LayerwiseHebbian, LearningLayer
from spikelearn.plasticity.requires import DenseLast, Need
from spikelearn.synapses import as_float


@RULES.register("oja")
class Oja(LayerwiseHebbian):
    r"""Hebbian learning of rates, with a decay that brings the weights of every neuron to length 1.

    $$\Delta w_k = \frac1B \sum_b y_k\,\Big(x - \sum_{l \in L_k} y_l\, w_l\Big), \qquad
      x = \frac1T \sum_t s[t], \quad y = \frac1T \sum_t z[t]$$

    with what is taken off the input rates x by the own weights alone, $L_k = \{k\}$ ("own"), by those of the neuron and
    of all before it, $l \le k$ ("sanger"), or by those of all ("subspace"). Where neurons are linear, $y = W x$, the
    weights of "own" all come to the eigenvector of $\langle x x^T \rangle$ of the largest eigenvalue, of either sign;
    those of "sanger" to the eigenvectors in their order; those of "subspace" span the same space. These are principal
    components where x has the mean 0. Of neurons that fire, y is their rate, and the fixed points hold as far as it is
    linear in x. Biases do not learn. A neuron of "sanger" and "subspace" sees the weights of its neighbours in the
    layer. The rule sees no target; a readout is fitted.

    Args:
        form: "own", "sanger" or "subspace".

    Shapes: inputs [T, B, ...]; x [B, in] and y [B, n], per step; W [n, in].

    Raises:
        ValueError: another form; layers that are not dense, feedback edges, weights that do not stand last.

    Source: Oja, Journal of Mathematical Biology 15, 1982; "subspace": Oja, International Journal of Neural Systems 1,
    1989; "sanger": Sanger, Neural Networks 2, 1989.
    """

    default_optimizer = OptimizerChoice("sgd", 0.01)
    default_settings = {
        "steps": 1,
        "neuron": "rate",
        "neuron_option": {"activation": "linear"},
        "bias": False,
        "readout": "linear-probe",
    }

    def __init__(self, form: Literal["own", "sanger", "subspace"] = "sanger") -> None:
        check_choice("form", form, ("own", "sanger", "subspace"))
        self.form = form

    @property
    def factors(self) -> Factors:
        return super().factors if self.form == "own" else super().factors | {"weights"}

    @property
    def requires(self) -> tuple[Need, ...]:
        return *super().requires, DenseLast("takes what neurons send off the input of each")

    def changes(self, layer: LearningLayer, memory: Memory) -> dict[str, Tensor]:
        x, y = as_float(layer.pre, layer.module).mean(0), layer.seen.spikes.to(layer.weight.dtype).mean(0)
        met = y.t() @ y / len(y)
        taken = {"own": met.diag().diag(), "sanger": met.tril(), "subspace": met}[self.form]
        return {"weight": taken @ layer.weight - y.t() @ x / len(y)}
