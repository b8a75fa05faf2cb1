"""Reference weights of the program of Alonso & Neftci (ICONS 2021), whose weights learn in every inference step.

``git clone https://github.com/nalonso2/Tightening-the-Biological-Constraints-on-Gradient-Based-Predictive-Coding``,
commit 947ca3d, then ``python make_alonso.py FOLDER``. It writes alonso_online.npz beside it, which the tests read. The
program runs as it is, in double precision.
"""

import sys
from pathlib import Path

import numpy as np
import torch

SIZES, STEPS, RATE, SAMPLES, BATCHES = [6, 7, 5, 3], 4, 0.1, 4, 2


def main(folder):
    sys.path.insert(0, folder)
    from PC import PC
    from utilities import tanh_d

    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    net = PC(
        SIZES, weight_decay=0.01, f_l_rate=1e-3, online=True, train_err_wts=True, n_iter=STEPS, bot_infer_rate=RATE,
        top_infer_rate=2 * RATE, func=torch.tanh, func_d=tanh_d, pos_acts=True, bias=1.0,
    )  # fmt: skip
    found = {"inputs": torch.rand(BATCHES, SAMPLES, SIZES[0]), "labels": torch.tensor([[0, 2, 1, 2], [1, 1, 0, 2]])}
    with torch.no_grad():
        for stage in range(BATCHES + 1):
            found |= {f"weight{n}_{stage}": layer.weight.clone() for n, layer in enumerate(net.forward_wts)}
            found |= {f"back{n + 1}_{stage}": layer.weight.T.clone() for n, layer in enumerate(net.error_wts)}
            if stage < BATCHES:
                target = torch.nn.functional.one_hot(found["labels"][stage], SIZES[-1]).double()
                values = [torch.zeros(SAMPLES, size) for size in SIZES]
                predictions, errors = ([torch.zeros(SAMPLES, size) for size in SIZES[1:]] for _ in range(2))
                net.train_network(found["inputs"][stage], values, predictions, errors, target)
    np.savez_compressed(Path(__file__).parent / "alonso_online.npz", **{k: v.numpy() for k, v in found.items()})


if __name__ == "__main__":
    main(sys.argv[1])
