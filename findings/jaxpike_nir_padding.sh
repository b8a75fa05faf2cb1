#!/usr/bin/env bash
# jaxpike 0.1.4 with nir 1.0.8 (JAX 0.10.2).
#
# Expected: a convolution of a NIR file is read with its padding and dilation, or refused as other nodes are that jaxpike
# does not know.
# Seen: padding given as numbers is read as none, and dilation as 1, without a word: of an image of 6 x 6 a convolution of
# 3 x 3 padded by 1 makes 4 x 4 and not 6 x 6, and one that is dilated by 2 makes 4 x 4 and not 2 x 2. The word "same" is
# kept. The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip() { "$folder/venv/bin/pip" install --quiet --disable-pip-version-check "$@"; }
pip jax==0.10.2 jaxlib==0.10.2 equinox==0.13.8 nir==1.0.8 numpy==2.3.5 optax==0.2.5 matplotlib==3.10.8
pip --no-deps --ignore-requires-python jaxpike==0.1.4 # it states Python 3.12, and runs on 3.11
"$folder/venv/bin/python" - <<'PY'
import warnings

import jax.numpy as jnp
import jaxpike
import nir
import numpy as np
from jaxpike.nir import from_nir

warnings.simplefilter("error")


def made(padding, dilation):
    weight = np.ones((1, 1, 3, 3), np.float32)
    conv = nir.Conv2d((6, 6), weight, stride=1, padding=padding, dilation=dilation, groups=1, bias=np.zeros(1, np.float32))
    ends = {"input": nir.Input({"input": np.array([1, 6, 6])})}
    ends["output"] = nir.Output({"output": conv.output_type["output"]})
    graph = nir.NIRGraph({**ends, "conv": conv}, [("input", "conv"), ("conv", "output")])
    layer = from_nir(graph).layers[0]
    return tuple(int(n) for n in conv.output_type["output"][1:]), layer(None, jnp.ones((1, 6, 6, 1)))[1].shape[1:3]


for padding, dilation in (((1, 1), 1), ("same", 1), ((0, 0), 2)):
    declared, seen = made(padding, dilation)
    print(f"padding {padding}, dilation {dilation}: the file declares {declared}, jaxpike {jaxpike.__version__} makes {seen}")
    assert (declared == seen) == (padding == "same")
PY
