"""Float32 accuracy from products of shorter types: spikes are exact in them, and weights are split into parts.

    python -m benchmarks.short_products

Prints, for 3200 x 784 spikes times 784 x 400 weights on one thread, its own CPU time (medians of rounds in which all
run in turn, splitting included), the float32 product's over it, and the largest error as a share of the largest value.
"""

import statistics
import time
from collections.abc import Callable
from functools import partial
from operator import attrgetter

import torch
from torch import Tensor

ROUNDS, ROWS, INPUTS, NEURONS, ACTIVITY = 25, 3200, 784, 400, 0.13


def parts(weight: Tensor, number: int) -> list[Tensor]:
    """bfloat16 numbers that add up to ``weight``, the largest first."""
    found = []
    for _ in range(number):
        found.append(weight.bfloat16())
        weight = weight - found[-1].float()
    return found


def by_mode(spikes: Tensor, weight: Tensor, number: int) -> Tensor:
    """The sum of products whose factors oneDNN shortens and whose sums it keeps in float32."""
    matmul = attrgetter("matmul")(torch.backends.mkldnn)
    before = matmul.fp32_precision
    matmul.fp32_precision = "bf16"
    try:
        total = weight.new_zeros(len(spikes), weight.shape[1])
        for part in reversed(parts(weight, number)):
            total.addmm_(spikes, part.float())
    finally:
        matmul.fp32_precision = before
    return total


def by_type(short: Tensor, weight: Tensor, number: int) -> Tensor:
    """The sum of products of bfloat16 tensors, each of which torch rounds to bfloat16."""
    columns = short @ torch.cat(parts(weight, number), 1)
    return columns.float().view(len(short), number, -1).sum(1)


def main() -> None:
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    spikes = (torch.rand(ROWS, INPUTS, generator=generator) < ACTIVITY).float()
    weight, short = torch.randn(INPUTS, NEURONS, generator=generator), spikes.bfloat16()
    products: dict[str, Callable[[], Tensor]] = {"float32": partial(torch.mm, spikes, weight)}
    for number in (1, 2, 3):
        products[f"{number} parts, float32 sums"] = partial(by_mode, spikes, weight, number)
        products[f"{number} parts, bfloat16 sums"] = partial(by_type, short, weight, number)
    times: dict[str, list[float]] = {name: [] for name in products}
    for number in range(-2, ROUNDS):
        for name, product in products.items():
            started = time.thread_time()
            product()
            if number >= 0:
                times[name].append(1e3 * (time.thread_time() - started))
    exact = spikes.double() @ weight.double()
    for name, product in products.items():
        ratio = statistics.median(a / b for a, b in zip(times["float32"], times[name], strict=True))
        error = float((product().double() - exact).abs().max() / exact.abs().max())
        print(f"{name}: {statistics.median(times[name]):.1f} ms, float32 over it {ratio:.2f}, error {error:.1e}")


if __name__ == "__main__":
    main()
