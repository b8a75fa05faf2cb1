"""Phaseless alignment learning: weights on the way back that learn from noise while the others learn from errors."""

from collections.abc import Iterator, Mapping
from typing import Any, get_args

import torch
import torch.nn.functional as F
from torch import Tensor

from spikelearn.checks import check_choice, check_count, check_not_negative, check_positive
from spikelearn.network import Network
from spikelearn.plasticity.back_weights import PREFIX, BackWeights, neuron_shapes
from spikelearn.plasticity.base import RULES, Batch, Memory, OptimizerChoice, Update
from spikelearn.plasticity.equilibrium.dynamics.prospective_dynamics import Compared, Dynamics, Layer, Moment
from spikelearn.plasticity.equilibrium.energies.constrained import (
    ConstrainedCoding,
    OwnWayBack,
    crossed,
    mean_of,
    one_hot,
)
from spikelearn.plasticity.per_layer import PerLayer, check_places, of_layer, per_layer
from spikelearn.plasticity.requires import trainable_names
from spikelearn.synapses import float_type

#: What stands before the names of a rule's memory: of states that go on, and of changes behind a low-pass filter.
STATE, SLOW = "state.", "low_pass."


@RULES.register("pal")
class PAL(ConstrainedCoding):
    r"""Phaseless alignment learning: noise of each layer teaches the weights on the way back, all the time.

    Rate neurons are stepped in time, ``steps`` steps of dt for each step of the inputs, and every weight learns in
    every step. Potentials u look ahead by $\tau$, so that a layer answers without the delay of its membranes:

    $$\tau \dot u_l = -u_l + W_l r_{l-1} + b_l + \xi_l, \qquad \breve u_l = u_l + \tau \dot u_l, \qquad
      r_l = \phi_l(\breve u_l), \qquad \tau_\xi \dot\xi_l = -\xi_l + \sqrt{\tau_\xi}\,\sigma_l\, \eta_l,$$

    $\eta$ white noise. What the noise of layer l makes of the layer above comes back in the quick part of its rates,
    $\dot{\hat r} = \dot r - \hat r / \tau_{hp}$, so that their correlation finds the transpose:

    $$\dot B_{l+1} = k_B\, (\langle \hat r_{l+1} \otimes \xi_l \rangle - \alpha B_{l+1}), \qquad
      e_L = \beta\,(y - \breve u_L), \quad e_l = \phi'_l\, B_{l+1}^\top e_{l+1}, \qquad
      \dot W_l = k_W\, \langle e_l \otimes r_{l-1} \rangle,$$

    means over the samples. B of each layer but the first has the shape of W. Every arrow takes one step, that from the
    inputs none; errors and slopes are those of a step ago. What learns does so by the optimizer's rate times dt. Errors
    are not fed back into potentials, and there are no interneurons: the model of a cortical microcircuit is not here.
    Predictions are those of the settled network without noise. Metric: ``angle_<block>``, degrees between B and the
    block's W, after the batch.

    Args:
        steps: of dt, for each step of the inputs.
        sigma: of the noise of hidden layers, unit of potential; one a layer or one for all.
        output_sigma: of the output's, which teaches nothing.
        alpha: decay of B, unit of its change per unit of B; it sets the size of B.
        beta: dimensionless.
        error: of the output: "potential" as above; "softmax", $\beta\,(y - \mathrm{softmax}(\breve u_L))$; "rate",
            $\beta\,\phi'_L\,(y - r_L)$.
        lr_factor: $k_W$; one a layer or one for all.
        feedback_factor: $k_B$; the same, that of the first layer is not used; 0: B stays as drawn, and errors come down
            as in ``fa``.
        dt, tau, tau_noise, tau_high: the step, $\tau$, $\tau_\xi$ and $\tau_{hp}$, in one unit, for example ms.
        tau_low: time constant of a low-pass filter in front of the changes of W and b, same unit; 0: none.
        carry: samples of a batch whose state goes on into the next batch, as in the authors' program; a batch of
            another size, and without it every batch, begins at rest.
        scale: size of B as drawn, in units of that of W as torch draws it.

    Shapes: inputs [T, B, ...], targets [B], or [B, n] of real numbers; states [B, n], B and W [n, n below].

    Raises:
        ValueError: a value out of range; blocks that are not dense or no rate neurons, delays, a graph, a readout other
            than the plain rate.

    Source: Max, Kriener, Garcia, Nowotny, Jaras, Senn & Petrovici, "Learning efficient backprojections across cortical
    hierarchies in real time", Nature Machine Intelligence 6, 2024; equations of the authors' program for layers
    ("latent equilibrium"). deviation: batches begin at rest, unless ``carry`` is set.
    """

    takes = frozenset({"classify", "regress", "autoencode"})
    own_as_network = True
    default_optimizer = OptimizerChoice("sgd", 0.5)
    default_settings = {
        "steps": 1,
        "neuron_option": {"activation": "tanh"},
        "output": "rate",
        "output_option": {"activation": "linear"},
        "batch": 32,
        # Stronger noise than the published 0.01 finds the transposes in one epoch; the decay makes B as large as W.
        "rule_option": {"steps": 20, "sigma": 0.1, "alpha": 2e-3, "feedback_factor": 30.0},
    }

    def __init__(
        self,
        *,
        steps: int = 100,
        sigma: PerLayer = 0.01,
        output_sigma: float = 0.0,
        alpha: float = 1e-4,
        beta: float = 0.1,
        error: Compared = "potential",
        lr_factor: PerLayer = 1.0,
        feedback_factor: PerLayer = 1.0,
        dt: float = 0.1,
        tau: float = 10.0,
        tau_noise: float = 1.0,
        tau_high: float = 1.0,
        tau_low: float = 0.0,
        carry: int | None = None,
        scale: float = 1.0,
    ) -> None:
        check_count("steps", steps)
        check_choice("error", error, get_args(Compared))
        values: list[tuple[str, Any]] = [("beta", beta), ("dt", dt), ("tau", tau), ("tau_noise", tau_noise)]
        for name, value in [*values, ("tau_high", tau_high), ("scale", scale)]:
            check_positive(name, value)
        for name, value in (("output_sigma", output_sigma), ("alpha", alpha), ("tau_low", tau_low)):
            check_not_negative(name, value)
        for name, value in (("tau", tau), ("tau_noise", tau_noise), ("tau_high", tau_high), ("tau_low", tau_low)):
            if 0.0 < value < dt:
                raise ValueError(f"{name} is {value:g} and dt {dt:g}, expected a time constant of a step at least")
        if carry is not None:
            check_count("carry", carry)
        self.steps, self.alpha, self.beta, self.error, self.carry = steps, alpha, beta, error, carry
        self.sigma = per_layer("sigma", sigma, check_not_negative)
        self.lr_factor = per_layer("lr_factor", lr_factor, check_not_negative)
        self.feedback_factor = per_layer("feedback_factor", feedback_factor, check_not_negative)
        self.output_sigma, self.dt, self.tau, self.tau_noise = output_sigma, dt, tau, tau_noise
        self.tau_high, self.tau_low = tau_high, tau_low
        self.back = BackWeights("kolen-pollack", scale)  # drawn at random, and learned otherwise

    def check(self, network: Network) -> None:
        super().check(network)
        for name in ("sigma", "lr_factor", "feedback_factor"):
            check_places(self.name, name, getattr(self, name), len(network.blocks))

    def init(self, network: Network, generator: torch.Generator) -> Memory:
        """B of all blocks but the first, the filtered changes if ``tau_low``, and states at rest if ``carry``."""
        memory = super().init(network, generator)
        if self.tau_low:
            memory |= {SLOW + name: torch.zeros_like(p.detach()) for name, p in _learning(network).items()}
        if self.carry is not None:
            like = next(network.parameters())
            for name, (size,) in neuron_shapes(self.name, network).items():
                rest = Layer.at_rest(like.new_zeros(self.carry, size))
                memory |= {f"{STATE}{name}.{key}": value for key, value in rest._asdict().items()}
            memory[STATE + "steps"] = like.new_zeros(1)
        return memory

    def draws(self, network: Network, batch: Batch, generator: torch.Generator) -> dict[str, Tensor]:
        """{``noise.<block>``: normal numbers of every step [B, T steps, n]} of the layers with noise."""
        kind, count = float_type(network), len(batch.inputs) * self.steps
        shapes, sigmas = neuron_shapes(self.name, network), self.sigmas(network)
        return {
            f"noise.{name}": torch.randn(
                batch.size, count, *shapes[name], generator=generator, dtype=kind, device=generator.device
            ).to(batch.inputs.device)
            for name in shapes
            if sigmas[name]
        }

    def sigmas(self, network: Network) -> dict[str, float]:
        """{block: size of its noise}."""
        *hidden, last = network.blocks
        return {name: of_layer(self.sigma, place) for place, name in enumerate(hidden)} | {last: self.output_sigma}

    @torch.no_grad()
    def updates(self, network: Network, batch: Batch, memory: Memory, generator: torch.Generator) -> Iterator[Update]:
        drawn = self.drawn(network, batch, generator)
        maps = OwnWayBack(network, batch.inputs, batch.masks, "pre")
        output = maps.forward()[maps.names[-1]].value
        scores = network.scores(network.run(batch.inputs, masks=batch.masks)[0])
        target = _wanted(batch, output[0])
        loss, count = self.loss_of(maps, output.mean(0), target), len(batch.inputs) * self.steps
        carried = self.carry == batch.size
        for number, moment in enumerate(self.integrate(maps, memory, drawn, target), 1):
            grads, own, kept = self._changes(network, maps, moment, memory)
            if carried:
                states = moment.layers.items()
                kept |= {f"{STATE}{name}.{key}": x for name, layer in states for key, x in layer._asdict().items()}
                kept[STATE + "steps"] = memory[STATE + "steps"] + 1
            metrics = angles(network, memory) if number == count else {}
            yield Update(grads, scores, loss, own=own, memory=kept, metrics=metrics)

    def integrate(
        self, maps: OwnWayBack, memory: Memory, drawn: Mapping[str, Tensor], target: Tensor
    ) -> Iterator[Moment]:
        """The network after every step; weights may change in between.

        Args:
            maps: of the network, after ``forward``.
            memory: the rule's.
            drawn: as ``draws``.
            target: of the output, [B, n].
        """
        network, batch = maps.network, len(target)
        dynamics = Dynamics(
            self.dt, self.tau, self.tau_noise, self.tau_high, self.beta, self.error, self.sigmas(network)
        )
        shapes = neuron_shapes(self.name, network)
        carried = self.carry == batch
        layers = {
            name: Layer(*(memory[f"{STATE}{name}.{key}"] for key in Layer._fields))
            if carried
            else Layer.at_rest(target.new_zeros(batch, *shapes[name]))
            for name in maps.names
        }
        past = int(memory[STATE + "steps"]) if carried else 0
        for number in range(len(maps.inputs) * self.steps):
            maps.weights_back = self.weights_back(network, memory)
            noise = {name.removeprefix("noise."): draw[:, number] for name, draw in drawn.items()}
            x = maps.inputs[number // self.steps].flatten(1)
            moment = dynamics.step(maps, layers, x, target, noise, first=past + number == 0)
            yield moment
            layers = moment.layers

    def _changes(
        self, network: Network, maps: OwnWayBack, moment: Moment, memory: Memory
    ) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
        """({parameter: minus its change}, the same of B, {filtered change: new value})."""
        size = len(next(iter(moment.layers.values())).rate)
        grads: dict[str, Tensor] = {}
        own: dict[str, Tensor] = {}
        kept: dict[str, Tensor] = {}
        for place, name in enumerate(maps.names):
            summed = maps.weights(name, moment.predictions[name], moment.layers[name].error.unsqueeze(0))
            for key, change in mean_of(summed, network, size).items():
                if self.tau_low:
                    slow = memory[SLOW + key]
                    change = kept[SLOW + key] = slow + self.dt / self.tau_low * (change - slow)
                grads[key] = of_layer(self.lr_factor, place) * self.dt * change
            if place:
                back, noise = memory[PREFIX + name], moment.layers[maps.below[name]].noise
                learned = self.alpha * back - moment.layers[name].high.t() @ noise / size
                own[PREFIX + name] = of_layer(self.feedback_factor, place) * self.dt * learned
        return grads, own, kept

    def loss_of(self, maps: OwnWayBack, potential: Tensor, target: Tensor) -> Tensor:
        """What the output's error descends, of the network without noise; mean of the samples."""
        if self.error == "softmax":
            return F.cross_entropy(potential, target)
        last = maps.names[-1]
        found = maps.answer(last, potential.unsqueeze(0))[0] if self.error == "rate" else potential
        return 0.5 * (target - found).square().sum(1).mean()


def angles(network: Network, memory: Memory) -> dict[str, float]:
    """{``angle_<block>``: degrees between the weights on the way back and those of the block}."""
    found = {}
    for name, weight in crossed(network).items():
        cosine = F.cosine_similarity(weight.detach().flatten().double(), memory[PREFIX + name].flatten().double(), 0)
        found[f"angle_{name}"] = float(cosine.clamp(-1.0, 1.0).arccos().rad2deg())
    return found


def _learning(network: Network) -> dict[str, Tensor]:
    return {name: network.get_parameter(name) for name in trainable_names(network)}


def _wanted(batch: Batch, like: Tensor) -> Tensor:
    """The target of the output, [B, n]."""
    if batch.targets.is_floating_point():
        return batch.targets.to(like)
    return one_hot(batch, like.unsqueeze(0))[0]
