"""A C header with integer weights and the loop that runs them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spikelearn.export.base import FORMATS, Exported, Format
from spikelearn.export.integers import DECAY, FRACTION, IntegerNetwork, to_integers
from spikelearn.files import write_atomically
from spikelearn.network import Network

_LOOP = """
/* One step: `in` holds N_IN spikes (0 or 1), `out` gets N_OUT. Begin with `net_reset`. Potentials are 64 bits wide and
   shifted arithmetically, as all common compilers do. */
static void net_layer(const NET_WEIGHT *w, const int32_t *b, int64_t *v, int64_t decay, int64_t threshold,
                      int n_in, int n_out, const uint8_t *in, uint8_t *out) {
    for (int j = 0; j < n_out; ++j) {
        int64_t sum = 0;
        for (int i = 0; i < n_in; ++i)
            if (in[i]) sum += w[(int64_t)j * n_in + i];
        v[j] = ((v[j] * decay) >> NET_DECAY) + sum * ((int64_t)1 << NET_FRACTION) + b[j];
        out[j] = v[j] > threshold;
        if (out[j]) v[j] = 0;
    }
}
"""


@FORMATS.register("c-header")
class CHeader(Format):
    r"""A C99 header without dependencies: integer weights of a dense network and a loop of one step over them.

    As ``to_integers``: $v \leftarrow \lfloor \lambda' v / 2^{15} \rfloor + 2^8\,W' s + b'$, then z = v > threshold and
    v := 0 where z = 1. ``net_reset()`` begins anew, ``net_step(in, out)`` does one step.

    Args:
        bits: of a weight, 2 to 16; up to 8 they are int8_t.
        power_of_two: whether thresholds are powers of two.

    Shapes: in: NET_IN bytes, 0 or 1; out: NET_OUT bytes; both dimensionless spikes.

    Raises:
        ValueError: a network that is no chain of dense LIF or IF blocks.

    Source: ISO/IEC 9899:1999; symmetric quantisation as in Jacob et al., CVPR 2018, section 2.1 with zero point 0.
    """

    ending = ".h"
    mark = (b"/* Written by spikelearn", 0)

    def __init__(self, bits: int = 8, *, power_of_two: bool = False) -> None:
        self.bits, self.power_of_two = bits, power_of_two

    def write(self, network: Network, path: Path, input_shape: Sequence[int], metadata: Mapping[str, Any]) -> Exported:
        integers = to_integers(network, self.bits, power_of_two=self.power_of_two)
        write_atomically(path, header_text(integers).encode())
        return Exported(path, integers.notes)


def header_text(network: IntegerNetwork) -> str:
    """The header of a network in integers."""
    first, last = network.layers[0], network.layers[-1]
    widest = max(len(layer.weight) for layer in network.layers)
    kind = "int8_t" if first.weight.dtype == np.int8 else "int16_t"
    lines = [
        "/* Written by spikelearn: a spiking network in integers. */",
        "#ifndef SPIKELEARN_NET_H",
        "#define SPIKELEARN_NET_H",
        "#include <stdint.h>",
        "#include <string.h>",
        f"#define NET_IN {first.weight.shape[1]}",
        f"#define NET_OUT {len(last.weight)}",
        f"#define NET_FRACTION {FRACTION}",
        f"#define NET_DECAY {DECAY}",
        f"typedef {kind} NET_WEIGHT;",
    ]
    for number, layer in enumerate(network.layers):
        rows = ",\n  ".join(",".join(map(str, row)) for row in layer.weight.tolist())
        lines += [
            f"/* {layer.name}: one step of the weights is {layer.scale!r}. */",
            f"static const NET_WEIGHT net_w{number}[] = {{\n  {rows}}};",
            f"static const int32_t net_b{number}[] = {{{','.join(map(str, layer.bias.tolist()))}}};",
            f"static int64_t net_v{number}[{len(layer.weight)}];",
        ]
    lines.append(_LOOP)
    lines.append("static void net_reset(void) {")
    lines += [f"    memset(net_v{number}, 0, sizeof net_v{number});" for number in range(len(network.layers))]
    lines += ["}", "", "static void net_step(const uint8_t *in, uint8_t *out) {", f"    static uint8_t a[2][{widest}];"]
    for number, layer in enumerate(network.layers):
        n_out, n_in = layer.weight.shape
        source = "in" if number == 0 else f"a[{(number - 1) % 2}]"
        target = "out" if number == len(network.layers) - 1 else f"a[{number % 2}]"
        lines.append(
            f"    net_layer(net_w{number}, net_b{number}, net_v{number}, {layer.decay}, {layer.threshold}, {n_in}, "
            f"{n_out}, {source}, {target});"
        )
    return "\n".join([*lines, "}", "#endif", ""])
