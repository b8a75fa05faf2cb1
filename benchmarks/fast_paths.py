"""The fast paths against the plain ones: fused membrane scan, event lists (packing included), convolutions, pools.

    python benchmarks/fast_paths.py

Prints medians of rounds in which both run in turn, and their ratio; forward and backward, of convolutions one by one.
The break-even activities in ``spikelearn/events.py``, ``spikelearn/synapses/event_conv.py`` and
``spikelearn/fused/cpu/sparse.py`` and the least width in ``spikelearn/synapses/structure.py`` are read off here.

Seen on two cores with AVX-512, torch 2.13.0: the scan is 2.1 to 3.1 times faster than the eager loop on (25, 64, 400),
(25, 128, 400), (5, 64, 8640) and (500, 16, 512); events are 2.4 (1 %), 1.7 (5 %) and 1.2 (12 %) times faster than the
dense product on 784 -> 400, and slower at any activity on 400 -> 10.

Convolutions and pools on a busy machine with AVX2, 1 thread, in its own CPU time (``time.thread_time``), the allocator
told to keep freed memory. Dense over events at 2, 10, 30 and 50 %, forward; in the weights:

    64 maps of 14 x 14, 5 x 5, 64 maps     5.1  2.6  1.2  0.8;  8.2  4.4  2.0  1.0
    15 maps of 24 x 24, 5 x 5, 40 maps     3.5  2.0  1.2  0.8;  4.8  2.7  1.3  0.9
    16 maps of 14 x 14, 3 x 3, 32 maps     1.8  1.3  1.0  0.9;  3.0  2.6  1.8  1.5
     8 maps of 28 x 28, 3 x 3, 32 maps     1.5  1.1  0.8  0.7;  2.6  2.2  1.6  1.3
     1 map of 28 x 28, 5 x 5, 16 maps      1.4  0.9  0.5  0.4;  8.1  7.6  5.0  3.8

Pools forward and backward: the largest of 2 x 2 2.8 (28 x 28) and 1.9 times (14 x 14) faster than torch's, 4.1 and 3.2
where the spikes are known as bytes; the largest of 3 x 3 1.2 and 1.7; the average of 2 x 2 2.2.

Errors that are mostly zero, measured likewise: forward and backward, dense over sparse, where 1, 2, 5, 10, 20 and 30 %
of the errors of the hidden layers are not zero:

    784-400-10         1.3  1.3  1.1  1.0  1.0  1.0
    784-400-400-10     1.9  1.8  1.5  1.3  1.1  1.0
"""

import itertools
import statistics
import time
from collections.abc import Callable

import torch

from spikelearn import events
from spikelearn.events import share_active
from spikelearn.fused import scan
from spikelearn.fused.cpu import sparse
from spikelearn.network import Block, Network
from spikelearn.neurons import LIF, ATan, Rectangle, Surrogate
from spikelearn.plasticity import BPTT, Batch
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
    adjoint, neuron = Surrogate(ATan()), LIF.per_step(0.9)
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
    print(
        "event convolution: images, in -> out, activity; forward: events ms, dense ms, ratio; in the weights: the same"
    )
    event_conv.forward_break_even = lambda _: 1.0
    event_conv.GRADIENT_BREAK_EVEN = 1.0
    for images, shape, conv in (
        (320, (1, 28, 28), torch.nn.Conv2d(1, 16, 5, padding=2)),
        (160, (8, 28, 28), torch.nn.Conv2d(8, 32, 3, padding=1)),
        (320, (16, 14, 14), torch.nn.Conv2d(16, 32, 3, padding=1)),
        (64, (64, 14, 14), torch.nn.Conv2d(64, 64, 5, padding=2)),
        (64, (15, 24, 24), torch.nn.Conv2d(15, 40, 5)),
        (160, (32, 16, 16), torch.nn.Conv2d(32, 64, 3, stride=2, padding=1)),
    ):
        for activity in (0.02, 0.05, 0.1, 0.2, 0.3, 0.5):
            rows = (torch.rand(images, *shape) < activity).float()
            by_events, dense = event_conv.event_conv(conv, rows), conv(rows)
            post = torch.randn_like(dense)

            def backward(out: torch.Tensor, c: torch.nn.Conv2d = conv, p: torch.Tensor = post) -> None:
                torch.autograd.grad(out, list(c.parameters()), p, retain_graph=True)

            with torch.no_grad():
                forward = medians(lambda c=conv, r=rows: event_conv.event_conv(c, r), lambda c=conv, r=rows: c(r))
            weights = medians(lambda o=by_events: backward(o), lambda o=dense: backward(o))
            print(
                f"  {images}, {shape} -> {conv.out_channels}, {activity:.2f}:", *(f"{x:.2f}" for x in forward + weights)
            )


def pools() -> None:
    print("pools: shape, kernel ms, torch ms, ratio; with the spikes known as bytes: the same")
    for shape, pool in (
        ((10, 32, 16, 28, 28), torch.nn.MaxPool2d(2)),
        ((10, 32, 32, 14, 14), torch.nn.MaxPool2d(2)),
        ((10, 32, 16, 30, 30), torch.nn.MaxPool2d(3)),
        ((10, 32, 16, 28, 28), torch.nn.AvgPool2d(2)),
    ):
        record = (torch.rand(shape) < 0.1).float().requires_grad_()
        post, found = torch.randn_like(pool(record[0])).expand(shape[0], *[-1] * 4), []

        def run(how: Callable[[torch.Tensor], torch.Tensor], r: torch.Tensor = record, p: torch.Tensor = post) -> None:
            torch.autograd.grad(how(r), r, p)

        for spikes in (None, record.detach().to(torch.uint8)):
            if spikes is not None:
                events.remember_spikes(record, spikes)
            found += medians(
                lambda p=pool: run(lambda r: drive(p, r)),
                lambda p=pool: run(lambda r: p(r.flatten(0, 1)).unflatten(0, r.shape[:2])),
            )
        print(f"  {shape}, {pool}:", *(f"{x:.2f}" for x in found))


def sparse_errors() -> None:
    """Gradients of whole networks, with a box as wide as lets a given share of the hidden neurons and steps pass."""
    print("sparse backward: layers, active errors, sparse ms, dense ms, ratio (forward and backward; 5 % input)")
    for sizes in ((784, 400, 10), (784, 400, 400, 10)):
        torch.manual_seed(0)
        pairs = list(itertools.pairwise(sizes))
        network = Network(
            {f"b{n}": Block(torch.nn.Linear(*p), LIF.per_step(0.9, reset="subtract")) for n, p in enumerate(pairs)}
        )
        with torch.no_grad():
            for block in network.blocks.values():
                block.synapse.weight.normal_(std=0.1)
        batch = Batch((torch.rand(25, 128, 784) < 0.05).to(torch.uint8), torch.randint(0, 10, (128,)))
        hidden = list(network.run(batch.inputs)[0].values())[:-1]
        print("  rates of the hidden layers:", *(f"{share_active(a.spikes):.2f}" for a in hidden))
        away = torch.cat([(a.v.detach() - 1.0).abs().flatten() for a in hidden])
        for share in (0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.4):
            width = float(away.kthvalue(int(share * len(away))).values)
            rule = BPTT(adjoint=Surrogate(Rectangle(width)))

            def run(break_even: float, rule: BPTT = rule, network: Network = network, batch: Batch = batch) -> None:
                sparse.BREAK_EVEN = break_even
                list(rule.updates(network, batch, {}, torch.Generator()))

            listed, dense, ratio = medians(lambda: run(1.0), lambda: run(0.0))
            print(f"  {'-'.join(map(str, sizes))}, {share:.2f}: {listed:.2f} {dense:.2f} {ratio:.2f}")


if __name__ == "__main__":
    scans()
    event_lists()
    event_convolutions()
    sparse_errors()
    pools()
