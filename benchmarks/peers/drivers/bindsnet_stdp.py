"""Workload d in BindsNET: ``python bindsnet_stdp.py TASK.npz``; a line in, a line of JSON out (see ``stdp.py``).

An Input and a LIFNodes layer without refractory time, a Connection with PostPre and bounds, a Connection of the
inhibition. Traces are additive. ``one_step`` lets spikes arrive in the step in which they are sent, as ours do; the
inhibition is one step late, for the layer has not stepped yet when its own spikes are read. The order within a step is
ours with ``coincident``; only a potential equal to the threshold differs: it fires here.
"""

import json
import sys
import time
from importlib import metadata

import numpy as np
import torch


def import_with_torchvision() -> None:
    """Import BindsNET, which wants torchvision; one built for CUDA beside a torch without it misses two operators."""
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        missing = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            missing.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        for name in [name for name in sys.modules if name.startswith("torchvision")]:
            del sys.modules[name]
    import bindsnet.learning
    import bindsnet.network  # noqa: F401


class Simulation:
    """The network of one task.

    Args:
        spikes: uint8 [samples, T, B, inputs].
        weights: [inputs, neurons].
        constants: of ``stdp.Task``, times in ms.
    """

    def __init__(self, spikes: np.ndarray, weights: np.ndarray, constants: dict[str, float]) -> None:
        from bindsnet.learning import PostPre
        from bindsnet.network import Network
        from bindsnet.network.nodes import Input, LIFNodes
        from bindsnet.network.topology import Connection

        self.spikes, self.weights = torch.from_numpy(spikes), torch.from_numpy(weights)
        batch, (inputs, neurons) = spikes.shape[2], weights.shape
        self.network = Network(dt=1.0, batch_size=batch)
        source = Input(n=inputs, traces=True, traces_additive=True, tc_trace=constants["tau_trace"])
        target = LIFNodes(
            n=neurons,
            traces=True,
            traces_additive=True,
            tc_trace=constants["tau_trace"],
            rest=0.0,
            reset=0.0,
            thresh=constants["threshold"],
            refrac=0,
            tc_decay=constants["tau_membrane"],
        )
        # The sum over the batch is this library's default: divided, it is the mean.
        rates = (constants["a_minus"] / batch, constants["a_plus"] / batch)
        learned = Connection(source, target, w=self.weights.clone(), update_rule=PostPre, nu=rates, wmin=0.0, wmax=1.0)
        lateral = -constants["inhibition"] * (1.0 - torch.eye(neurons))
        self.network.add_layer(source, "inputs")
        self.network.add_layer(target, "neurons")
        self.network.add_connection(learned, "inputs", "neurons")
        self.network.add_connection(Connection(target, target, w=lateral), "neurons", "neurons")
        self.learned, self.target = learned, target

    def begin(self) -> None:
        """The weights as they were."""
        self.learned.w.copy_(self.weights)

    def show(self, spikes: torch.Tensor) -> None:
        """Present [T, B, inputs] from rest."""
        self.network.reset_state_variables()
        self.network.run(inputs={"inputs": spikes}, time=len(spikes), one_step=True)

    def timed(self) -> dict[str, float]:
        """Present all samples; milliseconds a sample."""
        self.begin()
        started = time.perf_counter()
        for sample in self.spikes:
            self.show(sample)
        return {"ms": 1e3 * (time.perf_counter() - started) / len(self.spikes)}

    def check(self) -> dict[str, float]:
        """All samples without a pause: output spikes, and the mean change of a weight."""
        from bindsnet.network.monitors import Monitor

        self.begin()
        steps = self.spikes.flatten(0, 1)
        self.network.add_monitor(Monitor(self.target, ["s"], time=len(steps)), "spikes")
        self.show(steps)
        fired = float(self.network.monitors.pop("spikes").get("s").sum())
        return {"spikes": fired, "change": float((self.learned.w - self.weights).mean())}


def main() -> None:
    given = np.load(sys.argv[1])
    constants = json.loads(str(given["constants"]))
    torch.set_num_threads(int(constants["threads"]))
    torch.set_grad_enabled(False)
    import_with_torchvision()
    simulation = Simulation(given["spikes"], given["weights"], constants)
    print(json.dumps({"version": metadata.version("bindsnet")}), flush=True)
    for line in sys.stdin:
        print(json.dumps(simulation.check() if line.strip() == "check" else simulation.timed()), flush=True)


if __name__ == "__main__":
    main()
