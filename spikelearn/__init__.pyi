"""The public names, and where each is at home; a name is imported when it is first asked for."""

from .datasets import DATASETS as DATASETS
from .datasets import ArrayDataset as ArrayDataset
from .datasets import Digits as Digits
from .datasets import DigitsEvents as DigitsEvents
from .export import from_norse as from_norse
from .export import from_snntorch as from_snntorch
from .export import from_spikingjelly as from_spikingjelly
from .export import read_nir as read_nir
from .export import to_norse as to_norse
from .export import to_snntorch as to_snntorch
from .loading import Loader as Loader
from .measure import evaluate as evaluate
from .network import Block as Block
from .network import Feedback as Feedback
from .network import Network as Network
from .network import build as build
from .neurons import (
    IF as IF,
)
from .neurons import (
    LIF as LIF,
)
from .neurons import (
    NEURONS as NEURONS,
)
from .neurons import (
    AdaptiveLIF as AdaptiveLIF,
)
from .neurons import (
    CubaLIF as CubaLIF,
)
from .neurons import (
    LeakyIntegrator as LeakyIntegrator,
)
from .plasticity import (
    BPTT as BPTT,
)
from .plasticity import (
    DFA as DFA,
)
from .plasticity import (
    FA as FA,
)
from .plasticity import (
    RULES as RULES,
)
from .plasticity import (
    STDP as STDP,
)
from .plasticity import (
    Batch as Batch,
)
from .plasticity import (
    ReadoutOnly as ReadoutOnly,
)
from .plasticity import (
    Rule as Rule,
)
from .plasticity import (
    Update as Update,
)
from .runs import network_for as network_for
from .training import Training as Training
from .training import fit as fit
from .training import learn as learn
