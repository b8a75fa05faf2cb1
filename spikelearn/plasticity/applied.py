"""An update applied as a value: the step of plain gradient descent, which can be differentiated through."""

from torch import Tensor

from spikelearn.checks import check_shape, one_of
from spikelearn.network import Network
from spikelearn.plasticity.base import Update


def applied(network: Network, update: Update, lr: float | Tensor) -> dict[str, Tensor]:
    r"""The parameters behind a step $\theta' = \theta - \eta\,g$, for outer loops; nothing is written.

    They are differentiable in $\theta$, in $\eta$, and in all that the changes g depend on, where the rule keeps the
    graph of its changes (``BPTT(second_order=True)``). A network runs with them by ``torch.func.functional_call``.

    Args:
        network: whose parameters the update is meant for.
        update: with the changes g, unit of weight over that of ``lr``.
        lr: $\eta$, the learning rate, a number or a scalar tensor.

    Returns: {parameter: its new value}, of all parameters; those that the update leaves out are as they were.

    Raises:
        ValueError: a change of a parameter that the network lacks, or of another shape.

    Source: Finn, Abbeel & Levine, ICML 2017, eq. 1.
    """
    parameters: dict[str, Tensor] = dict(network.named_parameters())
    for name, grad in update.grads.items():
        if name not in parameters:
            raise ValueError(f"the update changes {name!r}, expected {one_of(name, list(parameters))}")
        check_shape(f"the change of {name}", grad, parameters[name].shape, "that of the parameter itself")
    return parameters | {name: _stepped(parameters[name], grad, lr) for name, grad in update.grads.items()}


def _stepped(parameter: Tensor, grad: Tensor, lr: float | Tensor) -> Tensor:
    return parameter - lr * grad if isinstance(lr, Tensor) else parameter.sub(grad, alpha=lr)
