"""How each reader of NIR is run on spikes: also a program of its own, for a reader that needs another Python.

    python nir_programs.py READER FILE INPUTS.npy OUTPUTS.npy

Inputs are [T, B, ...] as numpy saves them, images [C, H, W], outputs [T, B, n]. Neither this package nor torch is
imported unless the reader does; what goes wrong is a sentence on standard error.
"""

import sys
from collections.abc import Callable
from typing import Any

#: Time step of the files, seconds.
FILE_DT = 1e-4


class NotRun(Exception):
    """A reader that can look at a file, but not run it; the sentence says what it found."""


def _torch_loop(module: Any, inputs: Any) -> Any:
    """Step through a module that takes a state and returns it."""
    import numpy as np
    import torch

    outputs, state = [], None
    with torch.no_grad():
        # Neurons of snnTorch fire in float32, whatever comes in.
        module = module.float()
        for now in torch.from_numpy(np.asarray(inputs, np.float32)).unbind(0):
            out, state = module(now, state) if state is not None else module(now)
            outputs.append(out)
    return torch.stack(outputs).numpy()


def snntorch(path: str, inputs: Any) -> Any:
    """snnTorch's import, its state reset."""
    import nir
    from snntorch import import_nir, utils

    module = import_nir.import_from_nir(nir.read(path))
    utils.reset(module)
    return _torch_loop(module, inputs)


def norse(path: str, inputs: Any) -> Any:
    """Norse's import, told the time step; kinds that it would pass over in silence are an error."""
    import nir
    import norse.torch

    graph = nir.read(path)
    known = ("Input", "Output", "NIRGraph", "Affine", "Linear", "Conv2d", "Flatten", "SumPool2d")
    for name, node in graph.nodes.items():
        if type(node).__name__ not in (*known, "IF", "LIF", "CubaLIF"):
            raise NotRun(f"it would pass over node {name!r}, a {type(node).__name__}, in silence")
    targets = [target for _, target in graph.edges]
    if len(set(targets)) < len(targets):
        raise NotRun("several edges lead into one node, of which it would take one")
    return _torch_loop(norse.torch.from_nir(graph, dt=FILE_DT), inputs)


def spikingjelly(path: str, inputs: Any) -> Any:
    """SpikingJelly's import, told the time step."""
    from spikingjelly.activation_based import nir_exchange

    return _torch_loop(nir_exchange.import_from_nir(path, dt=FILE_DT), inputs)


def _channels_last(values: Any) -> Any:
    import numpy as np

    return np.moveaxis(values, 2, -1) if values.ndim == 5 else values


def _channels_first(values: Any) -> Any:
    import numpy as np

    return np.moveaxis(values, -1, 2) if values.ndim == 5 else values


def jaxpike(path: str, inputs: Any) -> Any:
    """jaxpike's import, told the time step, images with their channels last."""
    import jax
    import numpy as np
    from jaxpike import nir as its

    module = its.load(path, dt_seconds=FILE_DT)
    taken = np.asarray(_channels_last(inputs), np.float32)
    step, state, outputs = jax.jit(lambda s, x: module(s, x)), module.init_state(taken.shape[1:]), []
    for now in taken:
        state, out = step(state, now)
        outputs.append(np.asarray(out))
    return _channels_first(np.stack(outputs))


def sparx(path: str, inputs: Any) -> Any:
    """sparx's import by Euler steps, time first and images with their channels last."""
    import nir
    import numpy as np
    from sparx.nir import from_nir

    model, variables = from_nir(nir.read(path), dt=FILE_DT, discretization="euler")
    taken = np.asarray(_channels_last(inputs), np.float32)
    return _channels_first(np.asarray(model.apply(variables, taken)))


def snn_mlir(path: str, inputs: Any) -> Any:
    """snn-mlir's own check; to run what it writes needs the compilers of MLIR."""
    import snn_mlir

    del inputs
    report = snn_mlir.check(path)
    if report.ok:
        raise NotRun("its check takes the file; to run it needs the compilers of MLIR")
    raise NotRun(f"its check refuses the file: {'; '.join(str(finding.message) for finding in report.errors[:3])}")


#: {reader: how it is run}.
PROGRAMS: dict[str, Callable[[str, Any], Any]] = {
    "snntorch": snntorch,
    "norse": norse,
    "spikingjelly": spikingjelly,
    "jaxpike": jaxpike,
    "sparx": sparx,
    "snn-mlir": snn_mlir,
}


def main(reader: str, path: str, inputs: str, outputs: str) -> int:
    """Run a reader; 0 well, 3 it is not installed, 4 it does not read the file; the sentence on standard error."""
    import numpy as np

    try:
        np.save(outputs, np.asarray(PROGRAMS[reader](path, np.load(inputs)), np.float32))
    except ImportError as error:
        print(f"{error.name} is not installed there", file=sys.stderr)
        return 3
    except NotRun as error:
        print(f"{error}", file=sys.stderr)
        return 4
    except Exception as error:  # a reader may fail in any way; the reason is the result
        words = str(error).splitlines()
        print(f"its import failed: {type(error).__name__}: {words[0] if words else ''}", file=sys.stderr)
        return 4
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
