"""Our side: a training by a published recipe, begun anew before every step, and its file for a driver."""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from spikelearn.plasticity import Batch
from spikelearn.runs import make_loaders, merged, prepare, read_preset, settings_from
from spikelearn.training import learn

Arrays = Mapping[str, np.ndarray]


class Ours:
    """A training, one batch of it, and the state in which it began.

    Args:
        preset: name of a recipe.
        batch: samples; None: as the recipe has it.
        options: settings in place of the recipe's.
        double: both in double precision, as the program is.
        images: whether the program also gets the images that the recipe's encoder turns into spikes.
    """

    def __init__(
        self,
        preset: str,
        batch: int | None = None,
        options: Mapping[str, Any] | None = None,
        *,
        double: bool = False,
        images: bool = False,
    ) -> None:
        given = {**(options or {}), **({} if batch is None else {"batch": batch})}
        self.values = merged(read_preset(preset).values, given)
        self.training, loaders = prepare(settings_from(self.values))
        self.batch = Batch.of(next(iter(loaders["train"].epoch())), loaders["train"].task)
        if double:
            self.training.network.double()
        self.images = self._images() if images else None
        self.tensors = dict(self.training.network.state_dict(keep_vars=True)) | dict(self.training.memory)
        self.start = {name: tensor.detach().clone() for name, tensor in self.tensors.items()}
        #: Milliseconds of the processor of every step so far.
        self.processor_ms: list[float] = []

    def _images(self) -> Tensor:
        """[B, C, H, W] of the same batch, in [0, 1]."""
        plain = {name: value for name, value in self.values.items() if name != "encoder_option"}
        loader = make_loaders(settings_from({**plain, "encoder": "direct", "steps": 1}))["train"]
        return next(iter(loader.epoch())).inputs[0]

    @torch.no_grad()
    def prepare(self) -> None:
        """Weights, buffers and memory as they were."""
        for name, tensor in self.tensors.items():
            tensor.copy_(self.start[name])

    def step(self) -> None:
        """One batch, as training learns from it."""
        begun = time.process_time()
        learn(self.training, self.batch)
        self.processor_ms.append(1e3 * (time.process_time() - begun))

    def gradients(self) -> dict[str, np.ndarray]:
        """The rule's first wish: {parameter: minus the desired change}, a mean over the batch."""
        self.prepare()
        with torch.random.fork_rng():
            training = self.training
            update = next(iter(training.rule.updates(training.network, self.batch, training.memory, torch.Generator())))
        return {name: grad.detach().numpy() for name, grad in update.grads.items()}

    def changes(self) -> dict[str, np.ndarray]:
        """{parameter: change of a step of training}."""
        self.prepare()
        learn(self.training, self.batch)
        names = [name for name, _ in self.training.network.named_parameters()]
        found = {name: (self.tensors[name].detach() - self.start[name]).numpy() for name in names}
        self.prepare()
        return found

    def write(self, path: Path) -> None:
        """What a driver needs: all tensors by our names in our order, inputs once where all steps are the same."""
        inputs = self.batch.inputs
        shown = {"inputs": (inputs[:1] if inputs.stride(0) == 0 else inputs).numpy()}
        if self.images is not None:
            shown["images"] = self.images.numpy()
        state = {name: tensor.numpy() for name, tensor in self.start.items()}
        np.savez(path, **state, **shown, targets=self.batch.targets.numpy(), settings=json.dumps(self.values))
