"""Reference weights of SpykeTorch (Mozafari et al., Frontiers in Neuroscience 13, 2019), of first spikes and winners.

``git clone https://github.com/miladmozafari/SpykeTorch``, commit aa302c7, then ``python make_spyketorch.py FOLDER``. It
writes spyketorch.npz beside it, which the tests read. Its functions run as they are, in double precision, put together
as its KheradpishehDeep.py does in training: each image by itself, one layer after the other, rates doubled up to a
largest; but the second layer sees all spikes of the first, as its own test function does, and not one a place.
torchvision, which it imports for its transforms alone, is not needed.
"""

import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import torch

#: name: (image, steps, layers of (maps, kernel, padding, threshold, winners, radius, images), a_plus, a_minus, doubling,
#: largest)
CASES = {
    "one": ((2, 9, 8), 6, [(5, 3, 0, 4.0, 3, 1, 12)], 0.03, 0.02, 0, 0.15),
    "wide": ((1, 10, 10), 8, [(8, 5, 2, 3.5, 4, 0, 12)], 0.1, 0.075, 4, 0.15),
    "far": ((3, 8, 8), 5, [(6, 4, 1, 7.0, 2, 3, 12)], 0.05, 0.06, 3, 0.15),
    "two": ((2, 12, 12), 7, [(6, 5, 2, 7.0, 3, 2, 8), (7, 3, 1, 9.0, 4, 1, 10)], 0.04, 0.03, 0, 0.15),
    "two, doubled": ((1, 10, 10), 6, [(4, 3, 1, 2.2, 2, 1, 6), (9, 2, 0, 3.1, 5, 0, 9)], 0.02, 0.015, 2, 0.1),
}


def main(folder):
    torchvision = ModuleType("torchvision")
    torchvision.transforms = torchvision.datasets = None
    sys.modules.setdefault("torchvision", torchvision)
    sys.path.insert(0, folder)
    torch.set_default_dtype(torch.float64)
    found = {}
    for number, (name, (image, steps, layers, a_plus, a_minus, doubling, largest)) in enumerate(CASES.items()):
        torch.manual_seed(number)
        images = sum(layer[-1] for layer in layers)
        # Where a pixel's time is the number of steps it is silent.
        times = (torch.rand(images, *image) ** 1.5 * steps * 1.3).long().clamp(max=steps)
        made = presented(times, steps, layers, a_plus, a_minus, doubling, largest)
        found |= {f"{name}/{key}": value for key, value in {"times": times.byte(), **made}.items()}
    path = Path(__file__).with_name("spyketorch.npz")
    np.savez_compressed(path, **{key: value.numpy() for key, value in found.items()})


def presented(times, steps, layers, a_plus, a_minus, doubling, largest):
    """Weights before the first image, behind every fourth and the last, and the number of winners of each."""
    from SpykeTorch import functional as sf
    from SpykeTorch import snn

    channels, convolutions = times.shape[1], []
    for maps, kernel, *_ in layers:
        convolutions.append(snn.Convolution(channels, maps, kernel, 0.7, 0.1))
        channels = maps
    found = {f"weight{place}_0": conv.weight.clone() for place, conv in enumerate(convolutions)}
    image, wins = 0, []
    for place, layer in enumerate(layers):
        *_, count, radius, images = layer
        rule, rate = snn.STDP(convolutions[place], (a_plus, -a_minus)), a_plus
        for turn in range(images):
            if doubling and turn and turn % doubling == 0:
                rate = min(2 * rate, largest)
                rule.update_all_learning_rate(rate, -rate * a_minus / a_plus)
            wave = (times[image] <= torch.arange(steps).view(-1, 1, 1, 1)).double()
            for below in range(place + 1):
                _, _, padding, threshold, *_ = layers[below]
                wave = sf.pad(sf.pooling(wave, 2, 2) if below else wave, (padding,) * 4)
                spikes, potentials = sf.fire(convolutions[below](wave), threshold, True)
                met, wave = wave, spikes
            potentials = sf.pointwise_inhibition(potentials)
            spikes = potentials.sign()
            winners = sf.get_k_winners(potentials, count, radius, spikes)
            rule(met, potentials, spikes, winners)
            image += 1
            wins.append(len(winners))
            if turn % 4 == 3 or turn == images - 1:
                found[f"weight{place}_{image}"] = convolutions[place].weight.clone()
    return {**found, "winners": torch.tensor(wins)}


if __name__ == "__main__":
    main(sys.argv[1])
