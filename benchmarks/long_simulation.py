"""A long simulation with plasticity, recorded: seconds of work and memory by biological second, also in NEST.

8,000 excitatory and 2,000 inhibitory neurons, each with 100 recurrent connections (1 %) of 1 ms and 50 of 1,000 Poisson
trains; the weights from inhibitory to excitatory neurons learn by Vogels' rule. NEST gets the same lists and weights.

    python -m benchmarks.long_simulation --seconds 60 --out simulation
    python -m benchmarks.long_simulation --seconds 6 --nest      # with nest-simulator 3.10 installed

A line of JSON for every biological second: seconds of the processor and of the clock, memory, rates.
"""

import argparse
import json
import resource
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

TAU, TARGET, LEARNING_RATE, RATE, TRAINS, OF_TRAINS = 20e-3, 5.0, 1e-3, 20.0, 1000, 50
EXCITING, INHIBITING, EXTERNAL, LEAST = 0.02, -0.08, 0.1, -1.0

#: Biological seconds after which the state is kept anew.
KEPT_EVERY = 10


class Lists(NamedTuple):
    """Sources and targets: of recurrent connections by the numbers of neurons, of external ones by those of trains."""

    source: np.ndarray
    target: np.ndarray
    train: np.ndarray
    driven: np.ndarray


def lists(size: int, taken: int, seed: int = 1) -> Lists:
    """Every neuron takes from ``taken`` others and from some trains."""
    generator = np.random.default_rng(seed)
    source = np.stack([generator.choice(size - 1, taken, replace=False) for _ in range(size)])
    source += source >= np.arange(size)[:, None]
    train = np.stack([generator.choice(TRAINS, OF_TRAINS, replace=False) for _ in range(size)])
    numbers = np.arange(size)
    return Lists(source.ravel(), numbers.repeat(taken), train.ravel(), numbers.repeat(OF_TRAINS))


def network(made: Lists, excitatory: int, size: int) -> Any:
    """The network of this program."""
    from spikelearn.network import Block, Feedback, Network
    from spikelearn.network.block import Feedforward
    from spikelearn.neurons import LIF
    from spikelearn.synapses import SparseLinear

    first, count = {"exc": 0, "inh": excitatory}, {"exc": excitatory, "inh": size - excitatory}
    weight = {"exc": EXCITING, "inh": INHIBITING}

    def edge(one: str, other: str) -> SparseLinear:
        sends, takes = (
            (ends >= first[name]) & (ends < first[name] + count[name])
            for ends, name in ((made.source, one), (made.target, other))
        )
        chosen = sends & takes
        ends = made.source[chosen] - first[one], made.target[chosen] - first[other]
        values = np.full(len(ends[0]), weight[one], np.float32)
        return SparseLinear(count[one], count[other], *ends, weight=values, bias=False)

    blocks = {}
    for name in first:
        driven = (made.driven >= first[name]) & (made.driven < first[name] + count[name])
        values = np.full(int(driven.sum()), EXTERNAL, np.float32)
        ends = made.train[driven], made.driven[driven] - first[name]
        synapse = SparseLinear(TRAINS, count[name], *ends, weight=values, bias=False)
        blocks[name] = Block(synapse, LIF.per_step(float(np.exp(-1e-3 / TAU)), dt=1e-3), source="inputs")
    pairs = (("exc", "exc"), ("inh", "exc"), ("inh", "inh"))
    feedback = {f"{one}_to_{other}": Feedback(one, other, edge(one, other)) for one, other in pairs}
    forward = {"exc_to_inh": Feedforward("exc", "inh", edge("exc", "inh"), delay=1)}
    whole = Network(blocks, feedback, feedforward=forward, input_shape=(TRAINS,), outputs="exc")
    whole.requires_grad_(False)
    feedback["inh_to_exc"].synapse.requires_grad_(True)
    return whole


def simulate(made: Lists, excitatory: int, size: int, seconds: int, folder: Path) -> None:
    """Simulate with this program, one thread, and record spikes, potentials and weights; or go on where it stopped."""
    import torch

    from spikelearn.plasticity import Vogels
    from spikelearn.simulation import Recording, Simulation, SimulationFolder

    torch.set_num_threads(1)
    rule = Vogels(LEARNING_RATE, TARGET, TAU, low=LEAST, high=0.0)
    simulation = Simulation(network(made, excitatory, size), f"poisson:rate={RATE}", rule)
    plan = ["exc:spikes", "inh:spikes", "exc:v:0-99:every=10", "feedback.inh_to_exc:weight:0-99:every=1000"]
    kept, about, counts = SimulationFolder(folder), {"size": size}, {"exc": excitatory, "inh": size - excitatory}
    resumed, course = kept.about.exists(), folder / "course.jsonl"
    if resumed:
        if kept.read() != about:
            raise SystemExit(f"{folder} holds a simulation of another size: name another folder with --out")
        kept.load(simulation)
    else:
        kept.begin(simulation, about)
    begin = round(simulation.seconds)
    lines = course.read_text().splitlines(keepends=True)[:begin] if resumed and begin else []
    course.write_text("".join(lines))
    with simulation.record(kept.recording, plan, resume=resumed and kept.recording.exists()) as recording:
        for second in range(begin, seconds):
            spent = measured(lambda: simulation.run(1.0, recording))
            there = Recording(kept.recording)
            rates = {name: len(there.spikes(name, 1000 * second).step) / n for name, n in counts.items()}
            line = json.dumps({"second": second + 1, **spent, **rates, "file": kept.recording.stat().st_size / 2**20})
            print(line, flush=True)
            with course.open("a") as file:
                file.write(line + "\n")
            if (second + 1) % KEPT_EVERY == 0 or second + 1 == seconds:
                recording.sync()
                kept.save(simulation)


def simulate_in_nest(made: Lists, excitatory: int, size: int, seconds: int) -> None:
    """Simulate the same with NEST, one thread, and record spikes in memory."""
    import nest

    nest.ResetKernel()
    nest.SetKernelStatus({"resolution": 1.0, "local_num_threads": 1})
    membrane = {"E_L": 0.0, "V_th": 1.0, "V_reset": 0.0, "V_m": 0.0, "t_ref": 0.0, "tau_m": 1e3 * TAU, "C_m": 1.0}
    counts = {"exc": excitatory, "inh": size - excitatory}
    blocks = {name: nest.Create("iaf_psc_delta", n, params=membrane) for name, n in counts.items()}
    numbers = np.concatenate([block.tolist() for block in blocks.values()])
    trains = nest.Create("parrot_neuron", TRAINS)
    nest.Connect(nest.Create("poisson_generator", params={"rate": RATE}), trains)
    learned = {"eta": LEARNING_RATE, "alpha": 2 * TARGET * TAU, "tau": 1e3 * TAU, "Wmax": LEAST, "weight": INHIBITING}
    nest.CopyModel("vogels_sprekeler_synapse", "learned", learned)

    def connect(source: np.ndarray, target: np.ndarray, weight: float, model: str = "static_synapse") -> None:
        values = {"weight": np.full(len(source), weight), "delay": np.ones(len(source))}
        nest.Connect(source, target, "one_to_one", {"synapse_model": model, **values})

    connect(np.array(trains.tolist())[made.train], numbers[made.driven], EXTERNAL)
    excites, excited = made.source < excitatory, made.target < excitatory
    source, target = numbers[made.source], numbers[made.target]
    connect(source[excites], target[excites], EXCITING)
    connect(source[~excites & ~excited], target[~excites & ~excited], INHIBITING)
    connect(source[~excites & excited], target[~excites & excited], INHIBITING, "learned")
    recorders = {name: nest.Create("spike_recorder") for name in blocks}
    for name, block in blocks.items():
        nest.Connect(block, recorders[name])
    nest.Prepare()
    for second in range(seconds):
        before = {name: recorder.n_events for name, recorder in recorders.items()}
        spent = measured(lambda: nest.Run(1000.0))
        rates = {name: (recorder.n_events - before[name]) / counts[name] for name, recorder in recorders.items()}
        print(json.dumps({"second": second + 1, **spent, **rates}), flush=True)
    nest.Cleanup()


def measured(work: Callable[[], object]) -> dict[str, float]:
    """Seconds of the processor and of the clock, and MiB of memory behind it and at most."""
    begin = time.process_time(), time.perf_counter()
    work()
    spent = {"processor": time.process_time() - begin[0], "clock": time.perf_counter() - begin[1]}
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {**spent, "memory": pages * resource.getpagesize() / 2**20, "most": most}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=10, help="biological seconds")
    parser.add_argument("--neurons", type=int, default=10_000, help="of which four fifths excite")
    parser.add_argument("--taken", type=int, default=100, help="recurrent connections into each neuron")
    parser.add_argument("--out", type=Path, default=Path("long-simulation"), help="folder of the recording")
    parser.add_argument("--nest", action="store_true", help="simulate with NEST")
    given = parser.parse_args()
    made, excitatory = lists(given.neurons, given.taken), 4 * given.neurons // 5
    if given.nest:
        simulate_in_nest(made, excitatory, given.neurons, given.seconds)
    else:
        simulate(made, excitatory, given.neurons, given.seconds, given.out)


if __name__ == "__main__":
    main()
