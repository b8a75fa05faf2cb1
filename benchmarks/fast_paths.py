"""The fast paths against the plain ones: the fused membrane scan, event lists (packing included), event convolution.

    python benchmarks/fast_paths.py

Prints medians of rounds in which both run in turn, and their ratio; forward and backward, the convolution forward only.
The break-even activities in ``spikelearn/events.py`` and ``spikelearn/synapses/event_conv.py`` and the least width in
``spikelearn/synapses/structure.py`` are read off here.

Seen on two cores with AVX-512, torch 2.13.0: the scan is 2.1 to 3.1 times faster than the eager loop on (25, 64, 400),
(25, 128, 400), (5, 64, 8640) and (500, 16, 512); events are 2.4 (1 %), 1.7 (5 %) and 1.2 (12 %) times faster than the
dense product on 784 -> 400, and slower at any activity on 400 -> 10. On a busy machine with AVX2, 1 thread: 64 maps of
14 x 14 by 5 x 5 to 64 maps, 64 images, are convolved 4 (2 %), 3 (5 %) and 1.8 (10 %) times faster by events, as fast at
about 20 %.
"""

import statistics
import time
from collections.abc import Callable

import torch

from spikelearn import events
from spikelearn.fused import scan
from spikelearn.neurons import LIF, ATan, SpikeFunction, Surrogate
from spikelearn.synapses import drive, event_conv, structure

ROUNDS = 9


def medians(one: Callable[[], None], other: Callable[[], None]) -> tuple[float, float, float]:
    """Milliseconds of both, and the median of the paired ratios other / one."""
    times: list[tuple[float, float]] = []
    for number in range(ROUNDS + 2):
        row = []
        for work in (one, other):
            started = time.perf_counter()
            work()
            row.append(1e3 * (time.perf_counter() - started))
        if number >= 2:
            times.append((row[0], row[1]))
    first, second = zip(*times, strict=True)
    ratio = statistics.median(b / a for a, b in times)
    return statistics.median(first), statistics.median(second), ratio


def scans() -> None:
    adjoint, neuron = Surrogate(SpikeFunction(ATan())), LIF.per_step(0.9)
    print("scan: shape, fused ms, eager ms, ratio")
    for shape in ((25, 64, 400), (25, 128, 400), (5, 64, 8640), (500, 16, 512), (15, 64, 10)):
        current = (0.5 * torch.randn(shape)).requires_grad_()
        weights = torch.randn(shape)

        def run(
            how: Callable[..., tuple[torch.Tensor, ...]], x: torch.Tensor = current, w: torch.Tensor = weights
        ) -> None:
            spikes = how(adjoint, neuron, neuron.initial_state(x[0]), x)[0]
            torch.autograd.grad((spikes * w).sum(), x)

        fused, eager, ratio = medians(lambda: run(scan), lambda: run(lambda a, n, s, c: a.sequence(n, s, c)))
        print(f"  {shape}: {fused:.2f} {eager:.2f} {ratio:.2f}")


def event_lists() -> None:
    print("events: T x B, in -> out, activity, events ms, dense ms, ratio")
    structure.WIDE = 0
    for steps, batch, n, m in ((25, 128, 784, 400), (500, 16, 512, 512), (25, 64, 400, 400), (25, 128, 400, 10)):
        linear = torch.nn.Linear(n, m)
        for activity in (0.01, 0.05, 0.08, 0.12, 0.2):
            record = (torch.rand(steps, batch, n) < activity).float()
            post = torch.randn(steps, batch, m)

            def run(
                break_even: float, s: torch.nn.Linear = linear, r: torch.Tensor = record, p: torch.Tensor = post
            ) -> None:
                events.BREAK_EVEN = break_even
                current = drive(s, r.clone())  # a new tensor has no lists: packing is timed too
                torch.autograd.grad((current * p).sum(), list(s.parameters()))

            packed, dense, ratio = medians(lambda: run(1.0), lambda: run(-1.0))
            print(f"  {steps} x {batch}, {n} -> {m}, {activity:.2f}: {packed:.2f} {dense:.2f} {ratio:.2f}")


def event_convolutions() -> None:
    print("event convolution: images, in -> out, activity, events ms, dense ms, ratio")
    for images, shape, conv in (
        (64, (64, 14, 14), torch.nn.Conv2d(64, 64, 5, padding=2)),
        (64, (15, 24, 24), torch.nn.Conv2d(15, 40, 5)),
    ):
        for activity in (0.01, 0.02, 0.05, 0.1, 0.2):
            rows = (torch.rand(images, *shape) < activity).float()
            event_conv.CONV_BREAK_EVEN = 1.0
            with torch.no_grad():
                by_events, dense, ratio = medians(
                    lambda c=conv, r=rows: event_conv.event_conv(c, r), lambda c=conv, r=rows: c(r)
                )
            print(
                f"  {images}, {shape} -> {conv.out_channels}, {activity:.2f}: {by_events:.2f} {dense:.2f} {ratio:.2f}"
            )


if __name__ == "__main__":
    scans()
    event_lists()
    event_convolutions()
