"""The digits are scikit-learn's, in the split that it draws; it need not be imported for them."""

import subprocess
import sys

import numpy as np

from spikelearn.datasets.digits import split_digits


def test_the_split_is_scikit_learn_s():
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    bundled = load_digits()
    images, targets = (bundled.images / 16.0).astype(np.float32), bundled.target.astype(np.int64)
    train, test, train_targets, test_targets = train_test_split(
        images, targets, test_size=360, random_state=0, stratify=targets
    )
    for split, expected in (("train", (train, train_targets)), ("test", (test, test_targets))):
        for found, wanted in zip(split_digits(split), expected, strict=True):
            assert found.dtype == wanted.dtype
            np.testing.assert_array_equal(found, wanted)


#: What takes seconds to import, and is needed for none of them.
HEAVY = ("sklearn", "scipy.stats", "matplotlib", "ray", "joblib.externals.loky")

LOADED = f"""
import sys
import spikelearn.bench.run.engines, spikelearn.cli.train, spikelearn.cli.compare
spikelearn.Digits("train")
print(*[name for name in {HEAVY} if name in sys.modules])
"""


def test_the_commands_the_engines_and_the_digits_import_no_library_that_they_do_not_use():
    done = subprocess.run([sys.executable, "-c", LOADED], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""
