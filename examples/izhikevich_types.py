"""Twenty ways to fire: the neuron ``izhikevich`` under the currents of the figure that made it known.

The features A to T of Izhikevich, IEEE Transactions on Neural Networks 15, 2004, figure 1, each under the current of
the author's program, in its steps of time and its order of updates ("sequential"): the potential, and below it the
current.

    python examples/izhikevich_types.py [picture.png]
"""

import sys
from collections.abc import Callable

import numpy as np
import torch
from matplotlib.figure import Figure

from spikelearn.draw.style import COLOURS, clean, save
from spikelearn.neurons import HARD, Izhikevich, Surrogate
from spikelearn.neurons.parts.izhikevich_types import FEATURES

Current = Callable[[np.ndarray], np.ndarray]


def steps_of(*parts: tuple[float, float, float], base: float = 0.0) -> Current:
    """``base`` but for parts (from, to, current) in ms, their edges left out."""

    def current(t: np.ndarray) -> np.ndarray:
        values = np.full_like(t, base)
        for first, last, size in parts:
            values[(t > first) & (t < last)] = size
        return values

    return current


def ramp(start: float, slope: float, base: float = 0.0) -> Current:
    """``base``, and from ``start`` ms on a rise by ``slope`` a ms."""
    return lambda t: base + slope * np.clip(t - start, 0.0, None)


def two_ramps(t: np.ndarray) -> np.ndarray:
    """A slow rise over 200 ms, which does not fire, and a fast one from 300 ms, which does."""
    return np.where(t < 200, t / 25, np.where((t >= 300) & (t < 312.5), (t - 300) / 12.5 * 4, 0.0))


FOR_EVER = float("inf")
PAUSE = steps_of((-1.0, 50.0, 80.0), (250.0, FOR_EVER, 80.0), base=75.0)

#: {feature: duration in ms, step in ms, current}.
SHOWN: dict[str, tuple[float, float, Current]] = {
    "tonic-spiking": (100, 0.25, steps_of((10, FOR_EVER, 14))),
    "phasic-spiking": (200, 0.25, steps_of((20, FOR_EVER, 0.5))),
    "tonic-bursting": (220, 0.25, steps_of((22, FOR_EVER, 15))),
    "phasic-bursting": (200, 0.2, steps_of((20, FOR_EVER, 0.6))),
    "mixed-mode": (160, 0.25, steps_of((16, FOR_EVER, 10))),
    "spike-frequency-adaptation": (85, 0.25, steps_of((8.5, FOR_EVER, 30))),
    "class-1": (300, 0.25, ramp(30, 0.075)),
    "class-2": (300, 0.25, ramp(30, 0.015, base=-0.5)),
    "spike-latency": (100, 0.2, steps_of((10, 13, 7.04))),
    "subthreshold-oscillations": (200, 0.25, steps_of((20, 25, 2))),
    "resonator": (400, 0.25, steps_of(*((t, t + 4, 0.65) for t in (40, 60, 280, 320)))),
    "integrator": (100, 0.25, steps_of(*((t, t + 2, 9) for t in (100 / 11, 100 / 11 + 5, 70, 80)))),
    "rebound-spike": (200, 0.2, steps_of((20, 25, -15))),
    "rebound-burst": (200, 0.2, steps_of((20, 25, -15))),
    "threshold-variability": (100, 0.25, steps_of((10, 15, 1), (70, 75, -6), (80, 85, 1))),
    "bistability": (300, 0.25, steps_of((37.5, 42.5, 1.24), (216, 221, 1.24), base=0.24)),
    "depolarising-after-potential": (50, 0.1, steps_of((9, 11, 20))),
    "accommodation": (400, 0.5, two_ramps),
    "inhibition-induced-spiking": (350, 0.5, PAUSE),
    "inhibition-induced-bursting": (350, 0.5, PAUSE),
}


def main(path: str = "izhikevich_types.png") -> None:
    save(figure(), path)
    print(f"twenty ways to fire: {path}")


def run(name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Times in ms, currents, potentials in mV cut at the peak, and spikes of one feature."""
    duration, step, current = SHOWN[name]
    t = np.arange(round(duration / step) + 1) * step
    given = torch.from_numpy(current(t)).view(-1, 1, 1)
    neuron = Izhikevich(name, r=1.0, discretisation="sequential", substeps=1, dt=step * 1e-3, inclusive=False).double()
    spikes, v, _ = Surrogate(HARD).sequence(neuron, neuron.initial_state(given[0]), given)
    return t, given.flatten().numpy(), v.flatten().clamp(max=30.0).numpy(), spikes.flatten().numpy()


def figure() -> Figure:
    """Five rows of four features, in the order of the paper."""
    drawn = Figure(figsize=(12, 11), layout="constrained")
    for place, (letter, name) in enumerate(zip("ABCDEFGHIJKLMNOPQRST", FEATURES, strict=True)):
        t, current, v, _ = run(name)
        axes = drawn.add_subplot(5, 4, place + 1)
        axes.plot(t, v, color=COLOURS[0], linewidth=0.8)
        span = max(float(np.ptp(current)), 1e-9)
        axes.plot(t, -110 + 20 * (current - current.min()) / span, color=COLOURS[1], linewidth=0.8)
        axes.set(xlim=(0, t[-1]), ylim=(-115, 35), yticks=(-60, 30) if place % 4 == 0 else (), title=f"{letter} {name}")
        axes.title.set_fontsize(9)
        axes.tick_params(labelsize=7)
        clean(axes)
    drawn.supxlabel("time (ms)")
    drawn.supylabel("potential (mV); below it the current, to its own scale")
    return drawn


if __name__ == "__main__":
    main(*sys.argv[1:])
