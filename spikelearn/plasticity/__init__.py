"""Learning rules in families by what drives the synapse: one file a rule; importing them registers them."""

from spikelearn.plasticity.alignment.align_ada import AlignAda
from spikelearn.plasticity.alignment.align_prop import AlignProp
from spikelearn.plasticity.alignment.align_zero import AlignZero
from spikelearn.plasticity.applied import applied
from spikelearn.plasticity.base import (
    RULES,
    Batch,
    Memory,
    OptimizerChoice,
    Part,
    Rule,
    RuleWarning,
    Update,
    check_takes,
    check_task,
    firing_rates,
)
from spikelearn.plasticity.equilibrium.chl import CHL
from spikelearn.plasticity.equilibrium.energies.divergence import DIVERGENCES
from spikelearn.plasticity.equilibrium.eqprop import EqProp
from spikelearn.plasticity.equilibrium.eqprop_spiking import EqPropSpiking
from spikelearn.plasticity.equilibrium.ide import IDE
from spikelearn.plasticity.equilibrium.pal import PAL
from spikelearn.plasticity.equilibrium.pc import PredictiveCoding
from spikelearn.plasticity.equilibrium.pc_constrained import PCConstrained
from spikelearn.plasticity.equilibrium.pc_incremental import IncrementalPredictiveCoding
from spikelearn.plasticity.equilibrium.pc_kl import PCKL
from spikelearn.plasticity.equilibrium.pc_prospective import ProspectiveConfiguration
from spikelearn.plasticity.equilibrium.pc_relaxed import PCRelaxed
from spikelearn.plasticity.equilibrium.pc_spiking import PCSpiking
from spikelearn.plasticity.gradient.bptt import BPTT
from spikelearn.plasticity.gradient.bw_bpf import BWBPF
from spikelearn.plasticity.gradient.eventprop import EventProp
from spikelearn.plasticity.gradient.readout_only import ReadoutOnly
from spikelearn.plasticity.gradient.tssl_bp import TSSLBP
from spikelearn.plasticity.hebbian.activation_learning import ActivationLearning
from spikelearn.plasticity.hebbian.bcm import BCM
from spikelearn.plasticity.hebbian.first_spike_stdp import FirstSpikeSTDP
from spikelearn.plasticity.hebbian.foldiak import Foldiak
from spikelearn.plasticity.hebbian.hebbian_conv import HebbianConv
from spikelearn.plasticity.hebbian.oja import Oja
from spikelearn.plasticity.hebbian.softhebb import SoftHebb
from spikelearn.plasticity.hebbian.stdp import STDP
from spikelearn.plasticity.hebbian.stdp_online import OnlineSTDP
from spikelearn.plasticity.homeostasis import (
    HOMEOSTASES,
    Homeostasis,
    NoHomeostasis,
    SynapticScaling,
    ThresholdAdaptation,
)
from spikelearn.plasticity.losses import (
    LOSSES,
    MSE,
    BinaryCrossEntropy,
    CrossEntropy,
    CrossEntropyMembrane,
    CrossEntropyRate,
    CrossEntropySteps,
    FilteredCount,
    Loss,
    MixedMembrane,
    MSECount,
    MSESteps,
    SmoothL1Membrane,
    SpikeTrains,
    SquaredError,
    TimeToFirstSpike,
    VanRossum,
)
from spikelearn.plasticity.meta.credits import Credits
from spikelearn.plasticity.meta.dan import DAN
from spikelearn.plasticity.meta.meta_plasticity import MetaPlasticity
from spikelearn.plasticity.meta.tdca import TDCA
from spikelearn.plasticity.pairwise.kernel_proxy import KernelProxy
from spikelearn.plasticity.pairwise.kernels import KERNELS, Cosine, Filtered, Gaussian, Kernel
from spikelearn.plasticity.per_layer import PerLayer, of_layer, per_layer
from spikelearn.plasticity.requires import Unmet
from spikelearn.plasticity.spike_timing.clopath import Clopath
from spikelearn.plasticity.spike_timing.course import Course, course_of
from spikelearn.plasticity.spike_timing.dependences import DEPENDENCES, Additive, Dependence, Power, PowerLaw
from spikelearn.plasticity.spike_timing.diehl_cook import DiehlCook
from spikelearn.plasticity.spike_timing.dopamine_stdp import DopamineSTDP
from spikelearn.plasticity.spike_timing.mstdp import MSTDP
from spikelearn.plasticity.spike_timing.mstdpet import MSTDPET
from spikelearn.plasticity.spike_timing.pairings import (
    PAIRINGS,
    AllToAll,
    NearestPresynaptic,
    NearestReduced,
    NearestSymmetric,
    Pairing,
)
from spikelearn.plasticity.spike_timing.protocols import pairing_curve, stdp_window
from spikelearn.plasticity.spike_timing.rewards import REWARDS, Given, Outcome, Payments, Reward, TargetSpikes
from spikelearn.plasticity.spike_timing.stepwise import Carried, Sent, StepwiseRule
from spikelearn.plasticity.spike_timing.triplet_stdp import TripletSTDP
from spikelearn.plasticity.spike_timing.triplets import (
    TRIPLETS,
    GivenTriplets,
    Hippocampus,
    TripletParameters,
    VisualCortex,
)
from spikelearn.plasticity.spike_timing.urbanczik_senn import UrbanczikSenn
from spikelearn.plasticity.spike_timing.vogels import Vogels
from spikelearn.plasticity.split import Split
from spikelearn.plasticity.targets.desire import Desire
from spikelearn.plasticity.targets.dtp import DTP
from spikelearn.plasticity.targets.fw_dtp import FWDTP
from spikelearn.plasticity.three_factor.bases import BASES
from spikelearn.plasticity.three_factor.decolle import DECOLLE
from spikelearn.plasticity.three_factor.dfa import DFA
from spikelearn.plasticity.three_factor.directional_dfa import DirectionalDFA
from spikelearn.plasticity.three_factor.dkp import DKP
from spikelearn.plasticity.three_factor.drtp import DRTP
from spikelearn.plasticity.three_factor.e_prop import EProp
from spikelearn.plasticity.three_factor.engine.pairs import PAIRS
from spikelearn.plasticity.three_factor.engine.rate_regulariser import RateRegulariser
from spikelearn.plasticity.three_factor.engine.report import WeightTrace, traces_of
from spikelearn.plasticity.three_factor.fa import FA
from spikelearn.plasticity.three_factor.lls import LLS
from spikelearn.plasticity.three_factor.lls_m import LLSM
from spikelearn.plasticity.three_factor.lls_mxm import LLSMxM
from spikelearn.plasticity.three_factor.local_classifier import LocalClassifierRule
from spikelearn.plasticity.three_factor.ostl import OSTL
from spikelearn.plasticity.three_factor.ottt import OTTT
from spikelearn.plasticity.three_factor.ottt_online import OTTTOnline
from spikelearn.plasticity.three_factor.rule import ThreeFactor
from spikelearn.plasticity.three_factor.s_tllr import STLLR
from spikelearn.plasticity.three_factor.s_tllr_online import STLLROnline
from spikelearn.plasticity.three_factor.sdfa import SDFA
from spikelearn.plasticity.three_factor.sign_symmetry import SignSymmetry
from spikelearn.plasticity.three_factor.signals import (
    SIGNALS,
    Direct,
    Directional,
    DirectKolenPollack,
    FixedBasis,
    LayeredFeedback,
    LayerTarget,
    LocalClassifier,
    LocalReadout,
    MirroredFeedback,
    OutputSpikes,
    RandomTarget,
    Signal,
    Spatial,
    SpatialStep,
)
from spikelearn.plasticity.three_factor.sltt import SLTT
from spikelearn.plasticity.three_factor.sltt_k import SLTTK
from spikelearn.plasticity.three_factor.superspike import SuperSpike
from spikelearn.plasticity.three_factor.tess import TESS
from spikelearn.plasticity.three_factor.tp_sgd import TPSGD
from spikelearn.plasticity.three_factor.traces import (
    TRACES,
    ALIFTrace,
    DoubleExponentialTrace,
    EligibilityTrace,
    InstantTrace,
    LIFTrace,
    PrePostTrace,
    PreTrace,
    Trace,
)
from spikelearn.plasticity.three_factor.weight_mirror import WeightMirror
from spikelearn.plasticity.two_phase.emstdp import EMSTDP
from spikelearn.plasticity.two_phase.emstdp_loihi import EMSTDPLoihi
from spikelearn.plasticity.two_phase.forward_forward import ForwardForward
from spikelearn.plasticity.two_phase.pepita import Pepita
from spikelearn.tasks import check_targets

__all__ = [
    "Carried",
    "Given",
    "Payments",
    "Sent",
    "StepwiseRule",
    "MirroredFeedback",
    "WeightMirror",
    "LocalClassifier",
    "LocalClassifierRule",
    "TESS",
    "AlignAda",
    "AlignProp",
    "AlignZero",
    "DEPENDENCES",
    "Additive",
    "Dependence",
    "Power",
    "PowerLaw",
    "MSTDP",
    "MSTDPET",
    "DopamineSTDP",
    "BCM",
    "Clopath",
    "Course",
    "FirstSpikeSTDP",
    "Foldiak",
    "Oja",
    "UrbanczikSenn",
    "Vogels",
    "HOMEOSTASES",
    "Homeostasis",
    "NoHomeostasis",
    "SynapticScaling",
    "ThresholdAdaptation",
    "PAIRINGS",
    "AllToAll",
    "NearestPresynaptic",
    "NearestReduced",
    "NearestSymmetric",
    "Pairing",
    "REWARDS",
    "Outcome",
    "Reward",
    "TargetSpikes",
    "TripletSTDP",
    "TRIPLETS",
    "GivenTriplets",
    "Hippocampus",
    "TripletParameters",
    "VisualCortex",
    "BASES",
    "KERNELS",
    "Cosine",
    "Filtered",
    "Gaussian",
    "Kernel",
    "KernelProxy",
    "MetaPlasticity",
    "FixedBasis",
    "LLS",
    "LLSM",
    "LLSMxM",
    "OSTL",
    "OTTT",
    "OTTTOnline",
    "SLTT",
    "SLTTK",
    "STLLR",
    "STLLROnline",
    "MixedMembrane",
    "DECOLLE",
    "DKP",
    "DRTP",
    "DTP",
    "ForwardForward",
    "FWDTP",
    "DirectKolenPollack",
    "Directional",
    "DirectionalDFA",
    "ThreeFactor",
    "Trace",
    "PrePostTrace",
    "PreTrace",
    "PAIRS",
    "WeightTrace",
    "traces_of",
    "ALIFTrace",
    "DoubleExponentialTrace",
    "EligibilityTrace",
    "LIFTrace",
    "RateRegulariser",
    "InstantTrace",
    "TRACES",
    "Spatial",
    "SpatialStep",
    "Signal",
    "LayeredFeedback",
    "LayerTarget",
    "LocalReadout",
    "OutputSpikes",
    "RandomTarget",
    "Direct",
    "SIGNALS",
    "BPTT",
    "BWBPF",
    "CHL",
    "DAN",
    "DFA",
    "EMSTDP",
    "EventProp",
    "EProp",
    "EqProp",
    "EqPropSpiking",
    "FA",
    "IDE",
    "LOSSES",
    "MSE",
    "RULES",
    "SDFA",
    "SignSymmetry",
    "SquaredError",
    "SmoothL1Membrane",
    "SoftHebb",
    "STDP",
    "SpikeTrains",
    "SuperSpike",
    "TDCA",
    "TPSGD",
    "TSSLBP",
    "ActivationLearning",
    "Batch",
    "BinaryCrossEntropy",
    "Credits",
    "CrossEntropy",
    "CrossEntropyMembrane",
    "CrossEntropyRate",
    "CrossEntropySteps",
    "Desire",
    "DiehlCook",
    "EMSTDPLoihi",
    "FilteredCount",
    "HebbianConv",
    "IncrementalPredictiveCoding",
    "Loss",
    "MSECount",
    "MSESteps",
    "Memory",
    "OnlineSTDP",
    "OptimizerChoice",
    "DIVERGENCES",
    "PAL",
    "PCConstrained",
    "PCKL",
    "PCRelaxed",
    "PCSpiking",
    "PerLayer",
    "PredictiveCoding",
    "ProspectiveConfiguration",
    "Part",
    "Pepita",
    "ReadoutOnly",
    "Rule",
    "RuleWarning",
    "Unmet",
    "Split",
    "TimeToFirstSpike",
    "Update",
    "VanRossum",
    "applied",
    "course_of",
    "check_takes",
    "check_task",
    "check_targets",
    "firing_rates",
    "of_layer",
    "pairing_curve",
    "per_layer",
    "stdp_window",
]
