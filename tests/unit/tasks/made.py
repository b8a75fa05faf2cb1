"""Small data sets with targets that are no classes, as files and as arrays."""

import numpy as np
import torch

STEPS, SENSORS = 6, 3


def linear(samples=96, seed=0):
    """Still samples [N, 4] and two numbers each, a linear map of them with noise."""
    generator = np.random.default_rng(seed)
    x = generator.normal(size=(samples, 4)).astype(np.float32)
    weights = np.array([[0.5, -0.2], [0.1, 0.3], [-0.4, 0.2], [0.3, 0.6]], np.float32)
    return x, (x @ weights + 0.05 * generator.normal(size=(samples, 2)) + 0.1).astype(np.float32)


def delayed_copies(samples=96, seed=0):
    """Sequences [N, T, 3] of one spike a step, the class of the step before as target [N, T], and lengths."""
    generator = np.random.default_rng(seed)
    symbols = generator.integers(0, SENSORS, (samples, STEPS))
    x = np.eye(SENSORS, dtype=np.float32)[symbols]
    targets = np.concatenate([np.zeros((samples, 1), int), symbols[:, :-1]], 1)
    lengths = generator.integers(3, STEPS + 1, samples)
    lengths[0] = STEPS
    beyond = np.arange(STEPS) >= lengths[:, None]
    x[beyond], targets[beyond] = 0.0, 0
    return x, targets, lengths


def written(path, kind):
    """The npz file of a data set of that kind, as ``--data file:PATH`` reads it."""
    parts = {"train": 0, "test": 1}
    if kind == "regress":
        pairs = {part: linear(96 if part == "train" else 32, seed) for part, seed in parts.items()}
        arrays = {f"{n}_{part}": value for part, pair in pairs.items() for n, value in zip("xy", pair, strict=True)}
    else:
        found = {part: delayed_copies(96 if part == "train" else 32, seed) for part, seed in parts.items()}
        names = ("x_{}", "y_{}", "lengths_{}")
        arrays = {n.format(part): v for part, three in found.items() for n, v in zip(names, three, strict=True)}
    np.savez(path, **arrays)
    return f"file:{path}"


def least_squares(x, y):
    """Mean squared error of the best linear map with a constant."""
    design = torch.cat([torch.as_tensor(x, dtype=torch.float64), torch.ones(len(x), 1, dtype=torch.float64)], 1)
    targets = torch.as_tensor(y, dtype=torch.float64)
    best = torch.linalg.lstsq(design, targets).solution
    return best, float((design @ best - targets).square().mean())
