#!/usr/bin/env bash
# BindsNET 0.3.4, encoding.rank_order and encoding.bernoulli (torch 2.13.0, Python 3.11).
#
# Expected: an image is encoded and stays what it was; in a rank order code every pixel that is not 0 fires once, the faintest last.
# Seen:
#   - Both divide the tensor that they are given by its largest value, in place. An image of 0 to 255 is one of 0 to 1 behind the
#     first call, so that encoding.poisson, which reads hertz, then fires 128 times less.
#   - rank_order leaves out the faintest pixels: the last spike of all would fall on the end of the window, which does not count.
#     An image whose pixels are all alike is silent.
# The functions are loaded from their own file: the package around it asks for torchvision and others, which they do not use.
# The script fails if this changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
pip=("$folder/venv/bin/pip" install --quiet --disable-pip-version-check)
"${pip[@]}" torch==2.13.0 numpy==2.4.6
"${pip[@]}" --no-deps bindsnet==0.3.4
"$folder/venv/bin/python" - <<'PY'
from importlib.metadata import distribution
from importlib.util import module_from_spec, spec_from_file_location

import torch

place = distribution("bindsnet").locate_file("bindsnet/encoding/encodings.py")
spec = spec_from_file_location("encodings", place)
encodings = module_from_spec(spec)
spec.loader.exec_module(encodings)

torch.manual_seed(0)
print("bindsnet", distribution("bindsnet").version, "torch", torch.__version__)
for name in ("bernoulli", "rank_order"):
    image = torch.tensor([[0.0, 32.0], [128.0, 255.0]])
    getattr(encodings, name)(image, time=10)
    print(f"behind {name}(image, time=10), image is {image.tolist()}")
    assert image.max() == 1, f"{name} leaves the image alone: this has changed"

spikes = encodings.rank_order(torch.tensor([0.25, 0.5, 1.0]), time=10)
print("rank_order of 0.25, 0.5, 1.0 in 10 steps: spikes of each", spikes.sum(0).tolist())
assert spikes.sum(0).tolist() == [0, 1, 1], "the faintest pixel fires: this has changed"
uniform = encodings.rank_order(torch.full((3,), 0.7), time=10)
print("rank_order of three pixels of 0.7: spikes", int(uniform.sum()))
assert uniform.sum() == 0, "a uniform image fires: this has changed"
PY
