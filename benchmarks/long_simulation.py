"""A long simulation with plasticity, recorded: seconds of work and memory by biological second, also in NEST.

8,000 excitatory and 2,000 inhibitory neurons, each with 100 recurrent connections (1 %) of 1 ms and 50 of 1,000 Poisson
trains; the weights from inhibitory to excitatory neurons learn by Vogels' rule. NEST gets the same lists and weights.

    python -m benchmarks.long_simulation --seconds 600 --out simulation    # goes on where it was stopped or killed
    python -m benchmarks.long_simulation --seconds 20 --out simulation --nest   # with nest-simulator 3.10 installed
    python -m benchmarks.long_simulation --out simulation --draw long-simulation.png

A line of JSON for every biological second, also in the folder: seconds of processor and clock, memory, rates.
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

#: Files of the folder with a line for every biological second.
COURSE, IN_NEST = "course.jsonl", "nest.jsonl"


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
    resumed, course = kept.about.exists(), folder / COURSE
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
            tell(course, {"second": second + 1, **spent, **rates, "file": kept.recording.stat().st_size / 2**20})
            if (second + 1) % KEPT_EVERY == 0 or second + 1 == seconds:
                recording.sync()
                kept.save(simulation)


def simulate_in_nest(made: Lists, excitatory: int, size: int, seconds: int, folder: Path) -> None:
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
    folder.mkdir(parents=True, exist_ok=True)
    course = folder / IN_NEST
    course.unlink(missing_ok=True)
    nest.Prepare()
    for second in range(seconds):
        before = {name: recorder.n_events for name, recorder in recorders.items()}
        spent = measured(lambda: nest.Run(1000.0))
        rates = {name: (recorder.n_events - before[name]) / counts[name] for name, recorder in recorders.items()}
        tell(course, {"second": second + 1, **spent, **rates})
    nest.Cleanup()


def measured(work: Callable[[], object]) -> dict[str, float]:
    """Seconds of the processor and of the clock, and MiB of memory behind it and at most."""
    begin = time.process_time(), time.perf_counter()
    work()
    spent = {"processor": time.process_time() - begin[0], "clock": time.perf_counter() - begin[1]}
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {**spent, "memory": pages * resource.getpagesize() / 2**20, "most": most}


def tell(course: Path, line: dict[str, float]) -> None:
    """Print a line, and keep it."""
    print(json.dumps(line), flush=True)
    with course.open("a") as file:
        file.write(json.dumps(line) + "\n")


def columns(course: Path) -> dict[str, np.ndarray]:
    """What was kept, by name; nothing where there is no file."""
    lines = [json.loads(line) for line in course.read_text().splitlines()] if course.exists() else []
    return {name: np.array([line[name] for line in lines]) for name in (lines[0] if lines else ())}


def draw(folder: Path, path: Path) -> None:
    """Memory, seconds of the processor and rates over biological time, of NEST beside them where it was simulated."""
    from matplotlib.figure import Figure

    from spikelearn.draw.style import COLOURS, clean, save

    mine, other = columns(folder / COURSE), columns(folder / IN_NEST)
    if not mine:
        raise SystemExit(f"{folder} holds no simulation: simulate first, without --draw")
    figure = Figure(figsize=(13, 3.8), layout="constrained")
    memory, spent, rates = figure.subplots(1, 3)
    second = mine["second"]
    memory.plot(second, mine["memory"], color=COLOURS[0], label="memory of the process")
    memory.plot(second, mine["file"], color=COLOURS[1], label="recording on the disk")
    memory.set(ylabel="MiB")
    spent.plot(second, mine["processor"], color=COLOURS[0], linewidth=0.8, label="spikelearn")
    spent.set(ylabel="processor time (s)\na biological second")
    for name, colour, label in (("exc", COLOURS[0], "excitatory"), ("inh", COLOURS[2], "inhibitory")):
        rates.plot(second, mine[name], color=colour, label=label)
        if other:
            rates.plot(other["second"], other[name], ".", color=COLOURS[1], label="NEST" if name == "inh" else None)
    if other:
        spent.plot(other["second"], other["processor"], color=COLOURS[1], label="NEST")
    rates.axhline(TARGET, color="black", linewidth=0.8, linestyle="--")
    rates.set(ylabel="rate (Hz)", xscale="log")
    for axis in (memory, spent, rates):
        axis.set(xlabel="biological time (s)", ylim=(0, None))
        axis.legend(frameon=False, fontsize=8)
        clean(axis)
    save(figure, path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=10, help="biological seconds")
    parser.add_argument("--neurons", type=int, default=10_000, help="of which four fifths excite")
    parser.add_argument("--taken", type=int, default=100, help="recurrent connections into each neuron")
    parser.add_argument("--out", type=Path, default=Path("long-simulation"), help="folder of the recording")
    parser.add_argument("--nest", action="store_true", help="simulate with NEST")
    parser.add_argument("--draw", type=Path, metavar="FILE", help="draw what was simulated; nothing is simulated")
    given = parser.parse_args()
    if given.draw is not None:
        draw(given.out, given.draw)
        return
    made, excitatory = lists(given.neurons, given.taken), 4 * given.neurons // 5
    if given.nest:
        simulate_in_nest(made, excitatory, given.neurons, given.seconds, given.out)
    else:
        simulate(made, excitatory, given.neurons, given.seconds, given.out)


if __name__ == "__main__":
    main()
