"""Predictive coding beyond Gaussians: a small language model by predictive coding and by backpropagation.

Pinchetti, Salvatori, Yordanov, Millidge, Song & Lukasiewicz, "Predictive coding beyond Gaussian distributions", NeurIPS
2022: with attention as a categorical layer, language models trained by predictive coding come close to those trained by
backpropagation. Here: a transformer of two layers reads the letters of Python's own help texts (``pydoc_data``, which
every Python ships) and predicts the next one. A transformer is no chain of blocks; so the energy stands here, made of
the package's divergences and descended by its inference, on a module of torch.

    python examples/papers/pinchetti2022_transformer.py [steps]

After 200 steps of 32 samples the perplexity of the next letter, among 46 signs, is 8.86 by backpropagation and 9.96 by
predictive coding.
"""

import copy
import math
import sys
from pydoc_data.topics import topics

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from spikelearn.plasticity import DIVERGENCES
from spikelearn.plasticity.equilibrium.dynamics.descent import descend, last
from spikelearn.plasticity.equilibrium.energies.energy import Energy, Values

SIGNS, PLACES, WIDTH, BATCH, LAYERS = " abcdefghijklmnopqrstuvwxyz0123456789.,:()\"'=_", 32, 48, 32, 2
#: Of inference; a weak nudge, by which predictive coding is near to backpropagation.
ITERATIONS, RATE, MOMENTUM, NUDGING = 16, 0.15, 0.5, 0.1


def letters() -> Tensor:
    """Python's help texts in the order of their names, as places in SIGNS; what stands not there is a space."""
    text = " ".join(" ".join(topics[name].lower().split()) for name in sorted(topics))
    known = {sign: place for place, sign in enumerate(SIGNS)}
    return torch.tensor([known.get(sign, 0) for sign in text])


def windows(text: Tensor, starts: Tensor) -> Tensor:
    """Letters from each start on, [PLACES + 1, samples]."""
    return text[starts + torch.arange(PLACES + 1).unsqueeze(1)]


class Layer(nn.Module):
    """The maps of a layer: attention, and hidden units beside the stream."""

    def __init__(self) -> None:
        super().__init__()
        self.norm, self.norm_hidden = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.query, self.key, self.value = (nn.Linear(WIDTH, WIDTH, bias=False) for _ in range(3))
        self.hidden, self.back = nn.Linear(WIDTH, 2 * WIDTH), nn.Linear(2 * WIDTH, WIDTH)


class Transformer(nn.Module):
    """Letters and places -> layers of attention and hidden units -> logits of the next letter."""

    def __init__(self) -> None:
        super().__init__()
        self.letters, self.places = nn.Embedding(len(SIGNS), WIDTH), nn.Embedding(PLACES, WIDTH)
        self.layers, self.next = nn.ModuleList(Layer() for _ in range(LAYERS)), nn.Linear(WIDTH, len(SIGNS))


class TransformerEnergy(Energy):
    """Divergences of attention, stream and hidden units from their predictions, and the loss of the next letters.

    With the values at their predictions all divergences are 0 and the loss is what backpropagation descends.
    """

    def __init__(self, model: Transformer, text: Tensor) -> None:
        self.network, self.text = model, text
        self.kinds = {kind: DIVERGENCES.make(kind) for kind in ("categorical", "gaussian")}

    def start(self) -> Values:
        with torch.no_grad():
            return self.predictions({})[0]

    def predictions(self, values: Values) -> tuple[Values, Tensor]:
        """What each layer predicts, [places, samples, ...], from the values below where given; and the logits."""
        model, read, found = self.network, self.text[:-1], Values()
        places = torch.arange(len(read))
        later = (places > places.unsqueeze(1)).unsqueeze(1)
        stream = model.letters(read) + model.places(places).unsqueeze(1)
        for number, layer in enumerate(model.layers):
            if number:
                found[f"stream{number}"] = stream
                stream = values.get(f"stream{number}", stream)
            met = layer.norm(stream)
            scores = torch.einsum("qbi,kbi->qbk", layer.query(met), layer.key(met)) / math.sqrt(WIDTH)
            found[f"attention{number}"] = scores.masked_fill(later, -1e9)
            shares = values.get(f"attention{number}", found[f"attention{number}"]).softmax(2)
            found[f"mixed{number}"] = stream + torch.einsum("qbk,kbi->qbi", shares, layer.value(met))
            stream = values.get(f"mixed{number}", found[f"mixed{number}"])
            found[f"hidden{number}"] = layer.hidden(layer.norm_hidden(stream))
            stream = stream + layer.back(F.gelu(values.get(f"hidden{number}", found[f"hidden{number}"])))
        return found, model.next(stream)

    def of(self, values: Values) -> tuple[Tensor, Tensor]:
        means, logits = self.predictions(values)
        kinds = (self.kinds["categorical" if name.startswith("attention") else "gaussian"] for name in values)
        energy = torch.stack([k.of(v, means[n]).sum() for k, (n, v) in zip(kinds, values.items(), strict=True)]).sum()
        return energy, NUDGING * self.loss(logits)

    def loss(self, logits: Tensor) -> Tensor:
        """Cross-entropy in nats, sum of the letters."""
        return F.cross_entropy(logits.flatten(0, 1), self.text[1:].flatten(), reduction="sum")


def by_predictive_coding(energy: TransformerEnergy) -> dict[str, Tensor]:
    """Derivatives of the energy in the weights where inference has come to."""
    look = last(descend(energy, ITERATIONS, RATE, momentum=MOMENTUM))
    return {name: slope / NUDGING for name, slope in energy.weight_slopes(look.values, look.slopes).items()}


def by_backpropagation(energy: TransformerEnergy) -> dict[str, Tensor]:
    """Derivatives of the loss in the weights."""
    names, parameters = zip(*energy.network.named_parameters(), strict=True)
    return dict(zip(names, torch.autograd.grad(energy.loss(energy.predictions({})[1]), parameters), strict=True))


def main(steps: int = 200) -> None:
    torch.manual_seed(0)
    text, first = letters(), Transformer()
    learned, kept = text[: len(text) * 9 // 10], text[len(text) * 9 // 10 :]
    test = windows(kept, torch.arange(0, len(kept) - PLACES - 1, len(kept) // 400))
    for name, changes in (("backpropagation", by_backpropagation), ("predictive coding", by_predictive_coding)):
        model, generator = copy.deepcopy(first), torch.Generator().manual_seed(0)
        optimizer = torch.optim.Adam(model.parameters(), 3e-3)
        for _ in range(steps):
            starts = torch.randint(len(learned) - PLACES - 1, (BATCH,), generator=generator)
            for key, change in changes(TransformerEnergy(model, windows(learned, starts))).items():
                model.get_parameter(key).grad = change / (BATCH * PLACES)
            optimizer.step()
        energy = TransformerEnergy(model, test)
        with torch.no_grad():
            loss = energy.loss(energy.predictions({})[1]) / (PLACES * test.shape[1])
        print(f"{name}: perplexity {loss.exp():.3f} of the next letter, of {len(SIGNS)}", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
