"""Published models that are simulated, with the numbers of their papers; each draws its figure."""

from spikelearn.museum.base import MODELS, Model
from spikelearn.museum.brunel2000 import Brunel2000
from spikelearn.museum.clopath2010 import Clopath2010
from spikelearn.museum.florian2007 import Florian2007
from spikelearn.museum.izhikevich2007 import Izhikevich2007
from spikelearn.museum.vogels2011 import Vogels2011

__all__ = ["MODELS", "Brunel2000", "Clopath2010", "Florian2007", "Izhikevich2007", "Model", "Vogels2011"]
