"""NIR's equations on the numbers of a file, without this package: what a chain of nodes says."""

import h5py
import numpy as np
import torch
import torch.nn.functional as F

DT = 1e-4


def simulated(path, x):
    """What the last node compares with its threshold, or sends, [T, B, ...], by Euler steps in double.

    Raises:
        NotImplementedError: circles, but for a population that feeds back to itself in a sub-graph; several outputs.
    """
    with h5py.File(path, "r") as file:
        graph, known = _content(file["node"]), file["node"].get("metadata", {})
        dt = known["dt"][()] if "dt" in known else DT
    nodes, edges = graph["nodes"], _pairs(graph)
    if [node["type"] for node in nodes.values()].count(b"Output") != 1:
        raise NotImplementedError("several outputs")
    done, begun = {}, set()

    def result(name):
        """What a node sends, and what it compares."""
        if name not in done:
            if name in begun:
                raise NotImplementedError("a circle")
            begun.add(name)
            node = nodes[name]
            if node["type"] == b"Input":
                done[name] = x, x
            else:
                arriving = [result(a) for a, b in edges if b == name]
                total = sum(sent for sent, _ in arriving)
                if node["type"] == b"Output":
                    done[name] = arriving[0] if len(arriving) == 1 else (total, total)
                else:
                    done[name] = MAPS[node["type"].decode()](node, total, dt)
        return done[name]

    (end,) = [name for name, node in nodes.items() if node["type"] == b"Output"]
    return result(end)[1]


def _content(group):
    return {key: item[()] if isinstance(item, h5py.Dataset) else _content(item) for key, item in group.items()}


def _pairs(graph):
    return [(a.decode(), b.decode()) for a, b in graph["edges"]]


def _affine(node, x, dt):
    y = x @ node["weight"].T + (node["bias"] if node["type"] == b"Affine" else 0.0)
    return y, y


def _conv(node, x, dt):
    padding = node["padding"]
    padding = padding.decode() if isinstance(padding, bytes) else tuple(np.broadcast_to(padding, 2).tolist())
    stride, dilation = (tuple(np.broadcast_to(node[key], 2).tolist()) for key in ("stride", "dilation"))
    weight, bias = (torch.from_numpy(np.float64(node[key])) for key in ("weight", "bias"))
    options = (stride, padding, dilation, int(node["groups"]))
    y = F.conv2d(torch.from_numpy(x).flatten(0, 1), weight, bias, *options).numpy()
    return (y := y.reshape(*x.shape[:2], *y.shape[1:])), y


def _sum_pool(node, x, dt):
    kernel, stride, padding = (
        tuple(np.broadcast_to(node[key], 2).tolist()) for key in ("kernel_size", "stride", "padding")
    )
    y = F.avg_pool2d(torch.from_numpy(x).flatten(0, 1), kernel, stride, padding, divisor_override=1).numpy()
    return (y := y.reshape(*x.shape[:2], *y.shape[1:])), y


def _flatten(node, x, dt):
    axes = x.ndim - 2
    start, end = (int(node[key]) % axes for key in ("start_dim", "end_dim"))
    y = x.reshape(*x.shape[: 2 + start], -1, *x.shape[3 + end :])
    return y, y


def _scale(node, x, dt):
    return x * node["scale"], x * node["scale"]


def _recurrent(graph, x, dt):
    """A population that feeds back to itself, one step late, from nothing."""
    edges = {("input", "lif"), ("lif", "w_rec"), ("w_rec", "lif"), ("lif", "output")}
    nodes = graph["nodes"]
    if set(_pairs(graph)) - edges or not {("input", "lif"), ("lif", "output")} <= set(_pairs(graph)):
        raise NotImplementedError("another sub-graph")
    closed = edges <= set(_pairs(graph))
    return _neurons(nodes["lif"], x, dt, nodes["w_rec"] if closed else None)


def _neurons(node, x, dt, back=None):
    """All models by one loop: what a model has not is what makes no difference."""
    leaks = "tau" in node or "tau_mem" in node
    tau = node.get("tau_mem", node.get("tau"))
    rest, threshold = node.get("v_leak", 0.0), node.get("v_threshold")
    if node["type"] == b"IF":
        leaks, rest = False, 0.0
    v, i, outs, seen = np.zeros(x.shape[1:]) + (rest if leaks else 0.0), np.zeros(x.shape[1:]), [], []
    for now in x:
        if back is not None:
            sent = outs[-1] if outs else np.zeros(x.shape[1:])
            now = now + _affine(back, sent, dt)[0]
        i = i + dt / node["tau_syn"] * (node.get("w_in", 1.0) * now - i) if node["type"].startswith(b"Cuba") else now
        v = v + (dt / tau * (rest - v + node["r"] * i) if leaks else dt * node["r"] * i)
        seen.append(v)
        fires = node["type"] not in (b"LI", b"CubaLI")
        z = v > threshold if fires else v
        outs.append(z * 1.0)
        v = np.where(z, node.get("v_reset", 0.0), v) if fires else v
    return np.stack(outs), np.stack(seen)


def _threshold(node, x, dt):
    return (x > node["threshold"]) * 1.0, x


MAPS = {
    "Affine": _affine, "Linear": _affine, "Conv2d": _conv, "SumPool2d": _sum_pool, "Flatten": _flatten, "Scale": _scale,
    "Threshold": _threshold, **dict.fromkeys(("IF", "LIF", "LI", "CubaLIF", "CubaLI", "I"), _neurons), "NIRGraph": _recurrent,
}  # fmt: skip
