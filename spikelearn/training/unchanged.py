"""The warning about a training in which no weight changed."""

import hashlib

import torch

from spikelearn.network import Network
from spikelearn.plasticity import Rule


def weights_mark(network: Network) -> bytes:
    """A hash of all trainable weights: equal marks are equal weights, bit for bit."""
    mark = hashlib.blake2b(digest_size=16)
    for parameter in network.parameters():
        if parameter.requires_grad:
            mark.update(parameter.detach().cpu().reshape(-1).contiguous().view(torch.uint8).numpy().data)
    return mark.digest()


def unchanged_words(rule: Rule, batches: int) -> str:
    """The sentence on a training of ``batches`` batches by ``rule`` that changed no weight, with cause and cure."""
    parts = (rule, *(part.rule for part in rule.parts.values()))
    phases = [
        f"{name} of {part.name} is {getattr(part, name)} batches, in which no weight learns: lower it, or train longer "
        "(--epochs)"
        for part in parts
        for name in part.resting_options
        if getattr(part, name)
    ]
    cause = "; ".join(phases) or (
        f"all changes by {rule.name} were zero: where neurons hardly fire, raise the number of steps, the input's gain "
        "(r) or the weights (--init kaiming); else raise the learning rate (--lr)"
    )
    return f"training changed no weight in {batches:,} batches: {cause}"
