"""One line for each registered component; a new component adds its line here."""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F

from spikelearn import datasets, network_for, plasticity
from spikelearn.datasets import CIFAR10, MNIST, NMNIST, Digits, DigitsEvents, FashionMNIST
from spikelearn.network import READOUTS
from spikelearn.neurons import (
    EIF,
    IF,
    LIF,
    PLIF,
    SRM0,
    AdaptiveLIF,
    AdEx,
    AlphaLIF,
    ConductanceLIF,
    CubaLIF,
    DeepArtificialNeuron,
    DiehlCookLIF,
    EscapeNoiseLIF,
    FirstSpikeIF,
    HomeostaticLIF,
    Izhikevich,
    LeakyIntegrator,
    Poisson,
    QuadraticIF,
    Rate,
    RefractoryALIF,
    RefractoryLIF,
    ResonateAndFire,
    SilentLeakLIF,
    SpikeResponse,
    StochasticLIF,
    StochasticWinner,
    SynapticTrace,
    TwoCompartment,
    WinnerTakeAllLIF,
)
from spikelearn.neurons.activations import (
    GELU,
    Abs,
    HalfTanh,
    HardSigmoid,
    KWinners,
    LeakyReLU,
    Linear,
    Logistic,
    MeanTriangle,
    ReLU,
    Softmax,
    Softplus,
    Standardised,
    Tanh,
)
from spikelearn.runs import needed, settings_for
from tests.conformance import tiny


def spread(low, high):
    """A constant for each of the five neurons that the tests of neurons drive."""
    return torch.linspace(low, high, 5)


NEURONS = {
    "lif": [
        lambda: LIF(10e-3, r=12.0),
        lambda: LIF(10e-3, r=12.0, reset="subtract", v_leak=0.1),
        lambda: LIF(10e-3, r=12.0, discretisation="euler", v_reset=-0.2, inclusive=True),
        lambda: LIF.per_step(0.8, reset="subtract"),
        lambda: LIF(
            spread(8e-3, 20e-3),
            r=spread(9.0, 14.0),
            v_threshold=spread(0.7, 1.2),
            v_leak=spread(0.0, 0.2),
            reset="subtract",
        ).double(),
        lambda: LIF.per_step(spread(0.5, 0.9), v_reset=spread(-0.3, 0.2), inclusive=True).double(),
    ],
    "if": [
        lambda: IF(1.0),
        lambda: IF(1.5, reset="subtract", r=2.0),
        lambda: IF(inclusive=True),
        lambda: IF(spread(0.8, 1.6), r=spread(0.5, 2.0)).double(),
    ],
    "cuba-lif": [
        lambda: CubaLIF.per_step(0.9, 0.7),
        lambda: CubaLIF(10e-3, 5e-3, r=20.0, reset="subtract"),
        lambda: CubaLIF.per_step(0.8, 0.5, v_threshold=1.5, v_leak=0.3, inclusive=True),
        lambda: CubaLIF.per_step(spread(0.6, 0.9), spread(0.3, 0.7), v_threshold=spread(1.0, 2.0)).double(),
    ],
    "adaptive-lif": [
        lambda: AdaptiveLIF(10e-3, 50e-3, r=12.0),
        lambda: AdaptiveLIF.per_step(0.8, 0.9, beta=0.1, reset="subtract"),
        lambda: AdaptiveLIF.per_step(
            0.8, spread(0.7, 0.95), beta=spread(0.0, 0.3), v_threshold=spread(0.8, 1.1)
        ).double(),
    ],
    "refractory-alif": [
        lambda: RefractoryALIF(10e-3, 50e-3, r=12.0),
        lambda: RefractoryALIF.per_step(0.8, 0.9, beta=0.0, refractory=0, v_threshold=0.6),
        lambda: RefractoryALIF.per_step(
            0.8, spread(0.7, 0.95), beta=spread(0.0, 0.3), refractory=1, v_threshold=spread(0.8, 1.1)
        ).double(),
    ],
    "silent-leak-lif": [lambda: SilentLeakLIF(), lambda: SilentLeakLIF(spread(0.4, 0.9)).double()],
    "spike-response": [
        lambda: SpikeResponse(10e-3, 5e-3),
        lambda: SpikeResponse.per_step(0.9, 0.8, 0.6, v_threshold=0.05, inclusive=True),
        lambda: SpikeResponse.per_step(0.8, 0.5, reset="to_value", unit_gain=True, v_threshold=1.0),
        lambda: SpikeResponse.per_step(
            spread(0.6, 0.9), spread(0.0, 0.7), spread(0.3, 0.8), refractory=spread(0.5, 2.0)
        ).double(),
    ],
    "synaptic-trace": [
        lambda: SynapticTrace(10e-3, 5e-3, r=2.0),
        lambda: SynapticTrace.per_step(0.8, spread(0.0, 0.6)).double(),
    ],
    "leaky-integrator": [
        lambda: LeakyIntegrator.per_step(0.9),
        lambda: LeakyIntegrator(spread(5e-3, 20e-3), v_leak=0.2).double(),
    ],
    "escape-noise-lif": [lambda: EscapeNoiseLIF.per_step(0.8), lambda: EscapeNoiseLIF(10e-3, width=0.3, r=12.0)],
    "first-spike-if": [lambda: FirstSpikeIF(), lambda: FirstSpikeIF(spread(0.4, 1.5)).double()],
    "winner-take-all-lif": [
        lambda: WinnerTakeAllLIF.per_step(0.8),
        lambda: WinnerTakeAllLIF.per_step(0.8, winners=2, reset="subtract", inclusive=True, v_leak=0.1),
        lambda: WinnerTakeAllLIF(spread(8e-3, 20e-3), r=9.0, v_threshold=spread(0.7, 1.2)).double(),
    ],
    "stochastic-winner": [lambda: StochasticWinner(2.0), lambda: StochasticWinner(decay=0.8, winners=3)],
    "diehl-cook-lif": [
        lambda: DiehlCookLIF(5e-3, dt=1e-3),
        lambda: DiehlCookLIF(
            spread(3e-3, 9e-3), theta_plus=spread(0.0, 0.3), refractory_time=spread(0.0, 3e-3), summed=True
        ).double(),
    ],
    "conductance-lif": [lambda: ConductanceLIF(5e-3), lambda: ConductanceLIF(5e-3, v_reset=-0.5, inclusive=True)],
    "refractory-lif": [
        lambda: RefractoryLIF(10e-3, r=12.0),
        lambda: RefractoryLIF.per_step(spread(0.5, 0.9), refractory_time=spread(0.0, 4e-3), v_reset=-0.2).double(),
    ],
    "alpha-lif": [
        lambda: AlphaLIF(),
        lambda: AlphaLIF(5e-3, 5e-3, reset="subtract", v_leak=0.1),
        lambda: AlphaLIF(spread(5e-3, 9e-3), spread(1e-3, 3e-3), refractory_time=spread(0.0, 3e-3)).double(),
    ],
    "eif": [
        lambda: EIF(r=12.0),
        lambda: EIF(
            spread(8e-3, 20e-3), sharpness=spread(0.05, 0.3), refractory_time=2e-3, discretisation="rk4"
        ).double(),
    ],
    "adex": [
        lambda: AdEx(r=12.0),
        lambda: AdEx(a=spread(0.0, 0.3), b=spread(0.0, 0.5), refractory_time=spread(0.0, 3e-3), substeps=2).double(),
    ],
    "quadratic-if": [
        lambda: QuadraticIF(r=12.0),
        lambda: QuadraticIF(k=spread(0.5, 1.5), r=15.0, refractory_time=2e-3, discretisation="sequential").double(),
    ],
    "izhikevich": [
        lambda: Izhikevich(),
        lambda: Izhikevich("chattering", r=30.0, discretisation="sequential", substeps=1),
        lambda: Izhikevich(
            ["regular-spiking", "fast-spiking", "class-1", "accommodation", "resonator"], discretisation="rk4"
        ).double(),
    ],
    "srm0": [
        lambda: SRM0(),
        lambda: SRM0(spread(5e-3, 20e-3), spread(1e-3, 4e-3), refractory=spread(0.5, 2.0), inclusive=True).double(),
    ],
    "resonate-and-fire": [
        lambda: ResonateAndFire(),
        lambda: ResonateAndFire(spread(5e-3, 30e-3), spread(20.0, 90.0), v_reset=0.0, inclusive=True).double(),
    ],
    "homeostatic-lif": [
        lambda: HomeostaticLIF(10e-3, r=12.0),
        lambda: HomeostaticLIF.per_step(spread(0.5, 0.9), theta_plus=spread(0.0, 0.3), reset="subtract").double(),
    ],
    "plif": [
        lambda: PLIF.per_step(0.8),
        lambda: PLIF(spread(3e-3, 12e-3), r=9.0, v_leak=0.1, reset="subtract").double(),
    ],
    "poisson": [lambda: Poisson(), lambda: Poisson(spread(100.0, 900.0)).double()],
    "stochastic-lif": [
        lambda: StochasticLIF.per_step(0.8),
        lambda: StochasticLIF(spread(8e-3, 20e-3), sigma=spread(0.1, 0.5), r=9.0, reset="subtract").double(),
    ],
    "two-compartment": [
        lambda: TwoCompartment(rate=800.0),
        lambda: TwoCompartment(
            spread(5e-3, 20e-3), spread(1e-3, 4e-3), coupling=spread(2.0, 20.0), rate=800.0, inclusive=True
        ).double(),
    ],
    "rate": [lambda: Rate(), lambda: Rate(Softmax())],
    "dan": [
        lambda: DeepArtificialNeuron(3, 4).double(),
        lambda: DeepArtificialNeuron(2, 3, drawn=1, gain=5.0).double(),
    ],
}


def above_mean(a):
    return F.relu(a - a.mean(1, keepdim=True))


def half_tanh(a):
    return torch.cat([torch.tanh(a[:, : a.shape[1] // 2]), 0 * a[:, a.shape[1] // 2 :]], 1)


def standardised(a):
    return (a - a.mean(0)) / (a.std(0) + 1e-12)


def two_largest(a):
    ranks = a.argsort(1, descending=True).argsort(1)
    return F.relu(a) * (ranks < 2)


def largest(a):
    return F.one_hot(a.argmax(1), a.shape[1]).movedim(-1, 1) * (a > 0) + 0 * a


#: (how it is made, the same function by operations of torch).
ACTIVATIONS = {
    "relu": [(ReLU, F.relu)],
    "leaky-relu": [(LeakyReLU, F.leaky_relu), (lambda: LeakyReLU(-0.5), lambda a: torch.where(a > 0, a, -0.5 * a))],
    "tanh": [(Tanh, torch.tanh)],
    "half-tanh": [(HalfTanh, half_tanh)],
    "sigmoid": [(Logistic, torch.sigmoid), (lambda: Logistic(4.0, 0.5), lambda a: 1 / (1 + torch.exp(-4 * (a - 0.5))))],
    "hard-sigmoid": [
        (HardSigmoid, lambda a: a.clamp(0, 1)),
        (lambda: HardSigmoid(-0.5, 0.5), lambda a: 0.5 * F.hardtanh(2 * a)),
        (lambda: HardSigmoid(gain=0.5), lambda a: 0.5 * (1 + F.hardtanh(a - 1))),
    ],
    "softplus": [(lambda: Softplus(10.0), lambda a: torch.log1p(torch.exp(10 * a)) / 10), (Softplus, F.softplus)],
    "gelu": [(GELU, lambda a: a * torch.special.ndtr(a))],
    "abs": [(Abs, torch.abs)],
    "softmax": [(lambda: Softmax(3.0), lambda a: F.softmax(3 * a, 1))],
    "triangle": [(MeanTriangle, above_mean), (lambda: MeanTriangle(0.7), lambda a: (above_mean(a) + 1e-300) ** 0.7)],
    "standardised": [
        (Standardised, standardised),
        (lambda: Standardised(Tanh()), lambda a: standardised(torch.tanh(a))),
        (
            lambda: Standardised(ReLU(), epsilon=0.5),
            lambda a: (F.relu(a) - F.relu(a).mean(0)) / (F.relu(a).std(0) + 0.5),
        ),
    ],
    "k-winners": [(lambda: KWinners(2), two_largest), (lambda: KWinners(graded=False), largest)],
    "linear": [(Linear, lambda a: a)],
}


@dataclass(frozen=True)
class RuleCase:
    """A rule by name and options; its networks are made from what it needs, and from further settings of its own."""

    rule: str
    options: dict = field(default_factory=dict)
    settings: dict = field(default_factory=dict)  # of its networks, beyond what it needs
    lr: float = 0.1  # under which it learns two patterns by plain descent
    covers: str = "all"  # "all" parameters, "weights" only, "last" block only, or "weights-and-last"
    seed: int = 6  # of the weights: such that every block fires, and the patterns are not known already
    deep: bool = True  # whether it learns the patterns through a hidden block
    bounds: tuple[float, float] | None = None
    shards: bool = True  # whether the mean of shards is the batch: not where weights change within a presentation
    loop: bool = False  # whether feedback goes from the first block to itself: the output sends nothing

    def make(self):
        return plasticity.RULES.make(self.rule, self.options)

    @property
    def feedback(self):
        """Whether the rule trains networks with feedback edges."""
        return "no feedback edges" not in map(str, self.make().requires)

    def network(self, feedback=False, deep=True, gain=1.0):
        """Six inputs, hidden neurons (if deep), two outputs; ``feedback``: from the last to the first, if it can be.

        A readout that is fitted stands behind them. ``gain`` is for weights as torch draws them, which are too small for
        so few inputs.
        """
        rule = self.make()
        loop = "net" in needed(rule)  # feedback that it cannot do without, and a readout behind it
        net = "6-8-5-2" if loop else "6-8-2" if deep else "6-2"
        if feedback and self.feedback and not loop:
            net = net.replace("-8-", "-8(F8)-") if self.loop else f"{net}(F{8 if deep else 2})"
        if READOUTS.get({**settings_for(rule), **self.settings}.get("readout", "rate")).takes_last_number and not loop:
            net += "-2"
        network = network_for(rule, net, (6,), seed=self.seed, **self.settings)
        if {**settings_for(rule), **self.settings}.get("init", "uniform") == "uniform":
            with torch.no_grad():
                for parameter in network.parameters():
                    parameter.mul_(gain)
        return network


#: Two neurons that see no target, and stand for the class that they answer most.
UNTAUGHT = {"readout": "label-assignment"}

#: Bounds of weights that change at every step, and are drawn of both signs.
UNBOUND = {"low": -float("inf"), "high": float("inf")}

BRIEF = {"rest": 2e-3, "least_spikes": 2, "repeats": 1, "dt": 1e-3, **UNBOUND}

ANSWERING = {
    "neuron": "lif",
    "neuron_option": {"decay": 0.9},
    "output": "winner-take-all-lif",
    "output_option": {"decay": 0.9},
    "init": "uniform",
    "init_option": {},
}

REWARDED = {"lr": 1.0, "covers": "weights", "deep": False, "shards": False, "seed": 9}

GRADED = {"update": "oja", "graded": True}

TAUGHT = {"a_plus": 0.02, "a_minus": 0.01, "teacher": 2.0}

#: An output that sends feedback, in place of the leaky integrator that the rule learns well with.
FIRING = {"output": "lif", "output_option": {"decay": 0.8}}

#: The same without batch norm, which couples the samples of a batch.
UNCOUPLED = {**FIRING, "batch_norm": False}

#: Neurons that fire, where a rule's own are rate neurons.
SPIKING = {"neuron": "lif", "neuron_option": {"decay": 0.9}, "output": "lif", "output_option": {"decay": 0.9}}

#: Neurons that fire by their bias alone neither at once nor later.
FORGETFUL = {**SPIKING, "neuron_option": {"decay": 0.1}, "output_option": {"decay": 0.1}}

RULES = {
    "bptt": [RuleCase("bptt"), RuleCase("bptt", {"loss": "mse-count"})],
    "readout-only": [RuleCase("readout-only", covers="last")],
    # Some three spikes a step arrive at a neuron, in place of one an input.
    "eventprop": [RuleCase("eventprop", settings={"init_option": {"mean": 5.0, "std": 2.0}}, lr=0.3)],
    "bw-bpf": [
        RuleCase("bw-bpf"),
        RuleCase("bw-bpf", {"detach": False}),
        RuleCase("bw-bpf", {"heads": 1}),
    ],
    "fa": [RuleCase("fa"), RuleCase("fa", {"feedback": "kolen-pollack"})],
    "align-ada": [RuleCase("align-ada", loop=True), RuleCase("align-ada", {"slopes": "program"})],
    "align-zero": [RuleCase("align-zero", loop=True)],
    "align-prop": [RuleCase("align-prop")],
    "weight-mirror": [RuleCase("weight-mirror")],
    "sign-symmetry": [RuleCase("sign-symmetry"), RuleCase("sign-symmetry", {"sizes": "random"})],
    "dfa": [RuleCase("dfa")],
    "sdfa": [RuleCase("sdfa"), RuleCase("sdfa", {"loss": "cross-entropy-membrane"})],
    "ottt": [RuleCase("ottt", settings=FIRING), RuleCase("ottt", {"form": "step", "inputs": False}, FIRING)],
    "ostl": [RuleCase("ostl", loop=True), RuleCase("ostl", {"own_loop": False}, FIRING, loop=True)],
    "ottt-online": [RuleCase("ottt-online", settings=FIRING)],
    "sltt": [RuleCase("sltt", settings=FIRING), RuleCase("sltt", {"form": "step"}, FIRING)],
    "sltt-k": [RuleCase("sltt-k", {"steps": 6}, FIRING)],
    "s-tllr": [
        RuleCase("s-tllr"),
        RuleCase("s-tllr", {"form": "step", "alpha_post": 0.5}, loop=True),
        RuleCase("s-tllr", {"feedback": "direct", "last_steps": None}, loop=True),
    ],
    "tess": [RuleCase("tess", loop=True), RuleCase("tess", {"released": True, "last_steps": 5}, loop=True)],
    "s-tllr-online": [RuleCase("s-tllr-online", loop=True)],
    "dkp": [RuleCase("dkp")],
    # With weights on the way back that begin at 0 hidden blocks would begin at rest.
    "directional-dfa": [RuleCase("directional-dfa", {"scale": 1.0})],
    "drtp": [RuleCase("drtp")],
    "superspike": [
        RuleCase("superspike", lr=0.02),
        RuleCase("superspike", {"feedback": "random"}, lr=0.02),
        RuleCase("superspike", {"feedback": "uniform"}, lr=0.02),
    ],
    "tp-sgd": [
        RuleCase("tp-sgd"),
        RuleCase("tp-sgd", {"distance": "l1", "over": "step", "trace": "instant"}),
        RuleCase(
            "tp-sgd",
            {"over": "step", "form": "step", "loss": "cross-entropy-membrane"},
            {"output": "leaky-integrator", "readout": "membrane"},
            loop=True,
        ),
    ],
    "local-classifier": [RuleCase("local-classifier"), RuleCase("local-classifier", {"over": "step"})],
    "lls": [
        RuleCase("lls", settings=UNCOUPLED),
        RuleCase("lls", {"over": "step", "basis": "square"}, UNCOUPLED),
    ],
    "lls-m": [RuleCase("lls-m", settings=UNCOUPLED)],
    "lls-mxm": [
        RuleCase("lls-mxm", settings=UNCOUPLED),
        RuleCase("lls-mxm", {"vectors": 3, "basis": "random"}, UNCOUPLED),
    ],
    # Masks of dropout are drawn by the place of a sample in its batch.
    "decolle": [
        RuleCase("decolle", {"dropout": 0.0}, shards=False, loop=True),
        RuleCase("decolle", {"dropout": 0.0, "form": "step", "trace": "instant"}, loop=True),
        RuleCase("decolle", {"dropout": 0.0, "form": "sequence"}, loop=True),
    ],
    "e-prop": [
        RuleCase("e-prop", loop=True),
        RuleCase("e-prop", {"form": "step"}, {"neuron": "refractory-alif"}, loop=True),
        RuleCase("e-prop", {"feedback": "adaptive", "form": "step", "trace": "eligibility:closed=false"}, loop=True),
    ],
    "three-factor": [
        RuleCase("three-factor"),
        RuleCase("three-factor", {"signal": "direct", "trace": "instant"}),
        RuleCase(
            "three-factor",
            {"signal": "random-target:loss=cross-entropy-membrane", "form": "step"},
            {"readout": "membrane"},
        ),
    ],
    "tssl-bp": [RuleCase("tssl-bp", lr=0.05)],
    "fw-dtp": [RuleCase("fw-dtp"), RuleCase("fw-dtp", {"loss": "mse-count", "feedback": "hard-sigmoid"})],
    "dtp": [
        RuleCase("dtp"),
        RuleCase("dtp", {"reconstruction": "drl", "feedback_steps": 2}),
        RuleCase("dtp", {"reconstruction": "l-drl", "feedback_steps": 2}),
    ],
    "desire": [RuleCase("desire", {"margin": 2}, lr=1e-3)],
    "emstdp": [
        RuleCase("emstdp", {"epsilon": 1.0}, seed=2),
        RuleCase("emstdp", {"epsilon": 1.0, "feedback": "alignment"}, seed=2, deep=False),
        RuleCase("emstdp", {"epsilon": 1.0, "feedback": "direct"}, seed=2, deep=False),
    ],
    "emstdp-loihi": [RuleCase("emstdp-loihi", lr=4.0, seed=5, deep=False)],
    "pepita": [
        RuleCase("pepita"),
        RuleCase("pepita", {"modulation": "input", "projected": "sign", "sign": "minus"}),
        RuleCase("pepita", {"form": "mixed", "output_error": "first"}),
        RuleCase("pepita", {"form": "time-local"}),
    ],
    "forward-forward": [RuleCase("forward-forward"), RuleCase("forward-forward", {"goodness": "membrane"})],
    "meta-plasticity": [
        RuleCase("meta-plasticity", {"pseudo_gradient": 1.0, "ehebb": 0.1}, lr=0.3),
        RuleCase("meta-plasticity", {"pseudo_gradient": 1.0, "feedback": "symmetric"}, lr=0.3),
        RuleCase("meta-plasticity", {"pseudo_gradient": 1.0, "gain": 10.0}, SPIKING, lr=1.0),
    ],
    "dan": [RuleCase("dan", settings={"neuron_option": {"channels": 3, "width": 4}}, lr=1.0)],
    "tdca": [RuleCase("tdca", {"per_block": 3}), RuleCase("tdca", {"per_block": 0, "hidden": 0}, SPIKING)],
    # The kernel couples the samples of a batch.
    "kernel-proxy": [
        RuleCase("kernel-proxy", shards=False),
        RuleCase("kernel-proxy", {"proxy": "log-contrastive", "kernel": "filtered:decay=0.5"}, shards=False),
        RuleCase("kernel-proxy", {"proxy": "nmse", "kernel": "gaussian", "negatives_only": True}, shards=False),
    ],
    # Batch norm couples the samples of a batch.
    "ide": [RuleCase("ide", {"dropout": 0.0}, {"batch_norm": False, "spectral_feedback": False}, lr=0.5)],
    "pc": [
        RuleCase("pc"),
        RuleCase("pc", {"form": "fixed-pred"}),
        RuleCase("pc", {"form": "z-il"}),
        RuleCase("pc", {"form": "fixed-pred", "loss": "cross-entropy-rate"}, SPIKING),
    ],
    "pc-prospective": [
        RuleCase("pc-prospective"),
        RuleCase("pc-prospective", {"output": "free", "node": "post", "through": "errors"}),
        RuleCase("pc-prospective", {"nudging": -0.2, "growth": 1e-3}),
    ],
    "pc-incremental": [RuleCase("pc-incremental", {"iterations": 3})],
    "eqprop": [
        RuleCase("eqprop"),
        RuleCase("eqprop", {"nudging": "random-sign", "feedback": "learned"}, lr=0.5),
        RuleCase("eqprop", {"nudging": "one-sided", "continual": True, "loss": "cross-entropy"}, {"readout": "linear"}),
    ],
    "eqprop-spiking": [
        RuleCase("eqprop-spiking", {"free_steps": 20, "nudged_steps": 20}),
        RuleCase("eqprop-spiking", {"free_steps": 20, "nudged_steps": 20, "nudging": "one-sided", "gain": 0.5}),
    ],
    "pc-spiking": [
        RuleCase("pc-spiking"),
        RuleCase("pc-spiking", {"feedback": "kolen-pollack", "predicted": "current", "loss": "cross-entropy"}),
    ],
    "chl": [RuleCase("chl")],
    "pc-constrained": [
        RuleCase("pc-constrained", {"steps": 5}),
        RuleCase("pc-constrained", {"steps": 5, "errors": "division", "offset": 1.0, "feedback": "random"}),
        RuleCase("pc-constrained", {"steps": 3, "online": True}),
    ],
    "pc-kl": [
        RuleCase("pc-kl", {"iterations": 6}),
        RuleCase("pc-kl", {"iterations": 6, "distribution": "gaussian-variance+categorical"}),
    ],
    # Steps are presentations of their own, whose changes add up.
    "pc-relaxed": [
        RuleCase("pc-relaxed", {"steps": 5, "rate": 0.5}, lr=0.01),
        RuleCase(
            "pc-relaxed", {"steps": 5, "feedback": "transpose", "slopes": True, "error_weights": "learned"}, lr=0.01
        ),
        RuleCase("pc-relaxed", {"steps": 3, "node": "pre", "continual": True, "feedback": "random", "fixed": False}),
    ],
    # Noise is drawn by the place of a sample in its batch, and by neuron, for a twin too: here it is next to none.
    "pal": [
        RuleCase("pal", {"steps": 2, "sigma": 1e-12}),
        RuleCase("pal", {"steps": 2, "sigma": 1e-12, "error": "softmax", "tau_low": 1.0, "carry": 6}),
        RuleCase("pal", {"steps": 2, "sigma": 1e-12, "error": "rate", "feedback_factor": 5.0}),
    ],
    "split": [
        RuleCase("split"),
        RuleCase("split", {"rest": "stdp:a_plus=0.02,a_minus=0.01", "last": "bptt"}, covers="weights-and-last"),
    ],
    "softhebb": [
        RuleCase("softhebb", settings=UNTAUGHT, lr=0.02, deep=False, seed=8),
        RuleCase("softhebb", {"t_inv": 2.0, "losers": "opposed"}, UNTAUGHT, 0.01, deep=False, seed=12),
    ],
    "hebbian-conv": [
        # A norm of each sample would make the two patterns opposites, which any weights tell apart.
        RuleCase("hebbian-conv", settings={**UNTAUGHT, "input_norm": None}, lr=0.1, deep=False, seed=6),
        RuleCase("hebbian-conv", GRADED, {**UNTAUGHT, "input_norm": None}, lr=0.02, deep=False, seed=6),
    ],
    "first-spike-stdp": [
        # A rate at which two patterns are learned in the few batches of the test, of neurons that fire at two inputs.
        RuleCase(
            "first-spike-stdp",
            {"a_plus": 0.2, "a_minus": 0.2, "turns": 0},
            {**UNTAUGHT, "neuron_option": {"v_threshold": 1.5}},
            lr=1.0,
            deep=False,
        )
    ],
    "oja": [
        RuleCase("oja", settings=UNTAUGHT, covers="weights", deep=False, seed=5),
        RuleCase("oja", {"form": "subspace"}, UNTAUGHT, covers="weights", deep=False, seed=5),
    ],
    "foldiak": [
        RuleCase("foldiak", {"target_rate": 0.3}, {**UNTAUGHT, **FORGETFUL}, lr=0.3, deep=False, seed=1, loop=True)
    ],
    "bcm": [RuleCase("bcm", settings=UNTAUGHT, covers="weights", deep=False, seed=5)],
    "activation-learning": [
        RuleCase("activation-learning", {"copies": 2}, lr=0.02),
        # The gate is divided by its mean over the samples.
        RuleCase("activation-learning", {"copies": 2, "feedback": True}, lr=0.02, shards=False),
    ],
    "stdp": [
        RuleCase("stdp", TAUGHT, lr=1.0, covers="weights", deep=False, bounds=(0, 1)),
        RuleCase("stdp", {**TAUGHT, "homeostasis": "threshold"}, lr=1.0, deep=False, bounds=(0, 1)),
        RuleCase(
            "stdp",
            {**TAUGHT, "chunk": 3},
            lr=1.0,
            covers="weights",
            deep=False,
            bounds=(0, 1),
        ),
    ],
    "stdp-online": [
        RuleCase("stdp-online", {**TAUGHT, **UNBOUND}, lr=1.0, covers="weights", deep=False, shards=False),
        RuleCase(
            "stdp-online",
            {**TAUGHT, "low": -5.0, "high": 5.0, "pairing": "nearest-reduced", "dependence": "power"},
            lr=1.0,
            covers="weights",
            deep=False,
            shards=False,
        ),
    ],
    "triplet-stdp": [
        RuleCase(
            "triplet-stdp",
            {"teacher": 4.0, "scale": 0.02, **UNBOUND},
            lr=1.0,
            covers="weights",
            deep=False,
            shards=False,
        ),
        RuleCase(
            "triplet-stdp",
            {"parameters": "hippocampus:pairing=nearest-spike", "teacher": 4.0, "online": False, **UNBOUND},
            lr=1.0,
            covers="weights",
            deep=False,
        ),
    ],
    # Whole presentations of a few steps, of neurons that answer at once.
    "diehl-cook": [
        RuleCase(
            "diehl-cook", {"scale": 5.0, **BRIEF}, ANSWERING, lr=1.0, covers="weights", deep=False, shards=False, seed=8
        ),
        RuleCase(
            "diehl-cook",
            {"scale": 5.0, "online": False, **BRIEF},
            ANSWERING,
            lr=1.0,
            covers="weights",
            deep=False,
            seed=8,
        ),
    ],
    # A network that is silent is paid nothing and learns nothing: weights are such that the wrong neuron fires too.
    "mstdp": [RuleCase("mstdp", {"learning_rate": 0.05, **UNBOUND}, **REWARDED)],
    "mstdpet": [RuleCase("mstdpet", {"learning_rate": 0.1, **UNBOUND}, **REWARDED)],
    # A reward meets the spikes of its own step, so that both may fade within a few.
    "dopamine-stdp": [
        RuleCase(
            "dopamine-stdp",
            {
                "learning_rate": 0.03,
                "coincident": "causal",
                "a_minus": 0.0,
                "tau_eligibility": 5e-3,
                "tau_dopamine": 1e-3,
                **UNBOUND,
            },
            **REWARDED,
        )
    ],
    "clopath": [
        RuleCase(
            "clopath",
            {"a_ltp": 0.02, "a_ltd": 0.002, "teacher": 4.0, **UNBOUND},
            lr=1.0,
            covers="weights",
            deep=False,
            shards=False,
        ),
        RuleCase(
            "clopath",
            {"a_ltp": 0.02, "a_ltd": 0.002, "teacher": 4.0, "amplitude": "mean-square", "u_ref": 1.0, **UNBOUND},
            lr=1.0,
            covers="weights",
            deep=False,
            shards=False,
        ),
    ],
    # The surprise of a spike that is drawn is larger than what two patterns teach in few steps: many learn at once.
    "urbanczik-senn": [
        RuleCase(
            "urbanczik-senn",
            {"learning_rate": 1.0, "tau_filter": 5e-3, "teacher": 50.0},
            lr=1.0,
            covers="weights",
            deep=False,
            shards=False,
        )
    ],
    "vogels": [
        RuleCase(
            "vogels",
            {"learning_rate": 0.01, "target_rate": 150.0, "teacher": -2.0, **UNBOUND},
            lr=1.0,
            covers="weights",
            deep=False,
            shards=False,
            seed=3,
        )
    ],
}


@dataclass(frozen=True)
class DatasetCase:
    """A data set, and what writes a tiny copy in its published format below a data root; bundled ones need none."""

    make: object
    write: object = None
    published: dict = field(default_factory=dict)  # attributes that say how large the published files are


DATASETS = {
    "digits": DatasetCase(Digits),
    "digits-events": DatasetCase(DigitsEvents),
    "mnist": DatasetCase(MNIST, tiny.idx("mnist")),
    "fashion-mnist": DatasetCase(FashionMNIST, tiny.idx("fashion-mnist")),
    "nmnist": DatasetCase(NMNIST, tiny.nmnist),
    "cifar10": DatasetCase(CIFAR10, tiny.cifar10, {"per_file": tiny.SAMPLES}),
    "cifar100": DatasetCase(
        datasets.CIFAR100, tiny.cifar100, {"counts": {"train": tiny.SAMPLES, "test": tiny.SAMPLES}}
    ),
    "kmnist": DatasetCase(datasets.KMNIST, tiny.idx("kmnist")),
    "emnist": DatasetCase(datasets.EMNIST, tiny.emnist),
    "dvs-gesture": DatasetCase(datasets.DVSGesture, tiny.dvs_gesture),
    "cifar10-dvs": DatasetCase(datasets.CIFAR10DVS, tiny.cifar10_dvs),
    "n-caltech101": DatasetCase(datasets.NCaltech101, tiny.n_caltech101),
    "dvs-lip": DatasetCase(datasets.DVSLip, tiny.dvs_lip),
    "poker-dvs": DatasetCase(datasets.PokerDVS, tiny.poker_dvs),
    "shd": DatasetCase(datasets.SHD, tiny.heidelberg("shd", "SHD")),
    "ssc": DatasetCase(datasets.SSC, tiny.heidelberg("ssc", "SSC")),
    "n-tidigits": DatasetCase(datasets.NTIDigits, tiny.n_tidigits),
    "text": DatasetCase(datasets.Text),
    "smnist": DatasetCase(datasets.SMNIST, tiny.idx("mnist")),
}
