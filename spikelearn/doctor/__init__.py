"""What is wrong with a training: evidence from a few batches, and illnesses that are recognised by it.

>>> from spikelearn.doctor import examine
>>> for finding in examine(training, batches):
...     print(finding)
"""

from spikelearn.doctor.evidence import BATCHES, BlockSeen, Evidence, LearningSeen, gather
from spikelearn.doctor.examination import diagnose, examine, examine_settings, glance
from spikelearn.doctor.illnesses import ILLNESSES, Finding, Illness

__all__ = [
    "BATCHES",
    "ILLNESSES",
    "BlockSeen",
    "Evidence",
    "Finding",
    "Illness",
    "LearningSeen",
    "diagnose",
    "examine",
    "examine_settings",
    "gather",
    "glance",
]
