"""A run before its first batch: data, network, rule and training from its settings."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from spikelearn.datasets import Dataset, Split, stratified_subset
from spikelearn.loading import Encoder, Loader, hold_out, spread
from spikelearn.measure import Predict
from spikelearn.network import Network, evaluating
from spikelearn.neurons import Rate
from spikelearn.plasticity import Memory, Rule, check_task
from spikelearn.runs.settings import Settings
from spikelearn.runs.weights import begin_with
from spikelearn.synapses import float_type
from spikelearn.training.parallel import ALONE, Processes
from spikelearn.training.parts import check_bounds, make_schedules
from spikelearn.training.predicting import predictor
from spikelearn.training.training import Training


def prepare(
    settings: Settings,
    device: torch.device | str = "cpu",
    *,
    resume: bool = False,
    processes: Processes = ALONE,
) -> tuple[Training, dict[str, Loader]]:
    """The training of a run at its beginning, and its loaders: train, test, and validation where some is held out.

    A run that is resumed has its weights in its checkpoint: those that it began with are not looked for.
    """
    rule = settings.make_rule()
    check_task(rule, settings.make_task())
    network = settings.make_network()
    if settings.weights is not None and not resume:
        begin_with(network, Path(settings.weights), settings)
    loaders = make_loaders(settings)
    if predictor(rule, network, {}) is None:
        _check_outputs(network, loaders["train"], settings)
    _check_rest(network, loaders["train"], processes)
    if settings.bounds is None:
        check_bounds(network, rule)
    training = Training.start(
        network.to(device),
        rule,
        seed=settings.seed,
        optimizer=None if rule.parts else settings.optimizer_choice(),
        constraints=settings.make_constraints(rule, network),
        clip=None if rule.parts else settings.clip_norm,
        hardware=settings.make_hardware(),
    )
    updates = settings.epochs * len(loaders["train"])
    predict = predictor(rule, network, training.memory)
    if predict is not None:
        _check_outputs(network, loaders["train"], settings, predict)
        _check_patience(settings, rule, network, training.memory)
    training.schedule = make_schedules(rule, training.optimizer, settings.schedule_name(), updates, settings.epochs)
    training.pruning = settings.make_pruning()
    if training.pruning is not None:
        training.pruning.begin(network, updates)
    return training, loaders


def make_loaders(settings: Settings) -> dict[str, Loader]:
    """Loaders of a run: "train", "test", and "validation" where some is held out.

    ``data_fraction`` is the share of the training samples that is there; the validation samples are a share of those.
    """
    encoder = _encoder(settings)
    whole = _loader(settings, "train", encoder)
    there = _there(settings, whole.dataset)
    kept, held = hold_out(whole.dataset, settings.validation, settings.seed, there)
    loaders = {
        "train": _loader(settings, whole.dataset, encoder, indices=kept, shuffle=True, augment=settings.make_augment()),
        "test": test_loader(settings, encoder),
    }
    if len(held):
        loaders["validation"] = _loader(settings, whole.dataset, encoder, indices=held)
    return loaders


def test_loader(settings: Settings, encoder: Encoder | None = None) -> Loader:  # noqa: PT028, it is no test
    """The loader of a run's test samples; ``encoder`` is the run's, where it is there already."""
    return _loader(settings, "test", encoder or _encoder(settings))


def _there(settings: Settings, training: Dataset) -> Tensor:
    """Which training samples there are."""
    return stratified_subset(training.targets, settings.data_fraction, settings.seed)


def _encoder(settings: Settings) -> Encoder | None:
    """The encoder, fitted to the training samples where it learns."""
    encoder = settings.make_encoder()
    if encoder is not None and encoder.samples:
        training = settings.make_dataset("train")
        if not training.still:
            raise ValueError(
                f"encoder {settings.encoder!r} looks at still images, but the samples of {settings.data!r} have a time "
                "axis: leave it out"
            )
        there = _there(settings, training)
        encoder.fit(training.pixels(there[spread(len(there), encoder.samples)]))
    return encoder


def _loader(settings: Settings, of: Split | Dataset, encoder: Encoder | None, **options: Any) -> Loader:
    dataset = settings.make_dataset(of) if isinstance(of, str) else of
    return Loader(
        dataset,
        settings.steps,
        settings.batch,
        encoder=encoder,
        noise=settings.make_noise(),
        seed=settings.seed,
        task=settings.make_task(),
        **options,
    )


def _check_rest(network: Network, loader: Loader, processes: Processes = ALONE) -> None:
    """Raise ValueError where a process would get one sample of a batch, which has no statistics."""
    norms = any(isinstance(m, torch.nn.BatchNorm1d) and m.training for m in network.modules())
    neurons = [block.neuron for block in network.blocks.values()]
    over_batch = any(isinstance(neuron, Rate) and neuron.activation.over_batch for neuron in neurons)
    least = min(loader.size(batch) for batch in (0, len(loader) - 1)) // processes.count
    if (norms or over_batch) and least < 2:
        what = "batch norm has" if norms else "standardised activations have"
        among = "" if processes.alone else f", shared by {processes.count} processes,"
        sizes = range(loader.batch + 1, loader.samples + 1)
        fits = [size for size in sizes if (loader.samples % size or size) // processes.count >= 2][:1]
        raise ValueError(
            f"{loader.samples} samples in batches of {loader.batch}{among} leave a batch of one, of which {what} no "
            f"statistics: choose another batch size{f', for example {fits[0]}' if fits else ''} (--batch), or leave "
            f"{'batch norm out (--no-batch-norm)' if norms else 'them out'}"
        )


def _check_outputs(network: Network, loader: Loader, settings: Settings, predict: Predict | None = None) -> None:
    """Raise ValueError where the network has not one output a class, or one for each number of a target.

    With ``predict`` its scores count, which the rule makes.
    """
    inputs = loader.load(loader.indices[:2]).inputs[:1]
    with torch.no_grad(), evaluating(network):
        kind, device = float_type(network), next(network.parameters()).device
        inputs = inputs.to(device, kind) if inputs.is_floating_point() else inputs.to(device)
        outputs = (network(inputs) if predict is None else predict(network, inputs, None)).shape[-1]
    wanted = loader.outputs
    if predict is not None and outputs != wanted:
        raise ValueError(
            f"rule {settings.rule!r} gives {outputs} scores and data set {settings.data!r} has {wanted} classes: set "
            "its options to as many"
        )
    if outputs != wanted:
        what = "classes" if loader.task.classes else "numbers in a target"
        raise ValueError(
            f"network {settings.net!r} has {outputs} outputs and data set {settings.data!r} has {wanted} {what}: end "
            f"the string in {wanted}"
        )


def _check_patience(settings: Settings, rule: Rule, network: Network, memory: Memory) -> None:
    """Raise ValueError where the best epoch's weights would be read with the memory of the last epoch."""
    if settings.patience is not None and memory and predictor(rule, network, memory) is not None:
        raise ValueError(
            f"patience is {settings.patience}, but {rule.name} predicts with its memory, which is not kept for the "
            "best epoch: drop patience"
        )
