"""How long it takes to read and summarise a comparison of 1,000 trials with curves of 20 epochs.

Makes up the trials in a temporary folder, then reads and summarises them in a fresh process, on one core:

    taskset -c 0 python -m benchmarks.summary
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.unit.bench.made import write_comparison

ARMS = ("bptt", "dfa", "readout-only", "stdp", "tssl-bp")
DATA = ("digits", "mnist", "fashion-mnist", "nmnist")
AXES = {"data_fraction": (0.01, 0.1, 0.2, 0.5), "epochs": (19, 21, 22, 23, 24)}
AFTER = {"noise": ["gaussian:sd=0.1", "gaussian:sd=0.3"], "sparsity": ["prune:sparsity=0.95"]}

#: What the fresh process does; seconds of the processor, so that others on the machine do not count.
READ = """
import time
began = time.process_time()
import pandas, scipy.stats, scikit_posthocs
from spikelearn.bench.analyse.results import read_results
from spikelearn.bench.analyse.summary import summarise
from spikelearn.report.findings import findings_of
imported = time.process_time()
results = read_results({folder!r})
results.points, results.curves, results.blocks
read = time.process_time()
summary = summarise(results)
findings = findings_of(results, summary)
ended = time.process_time()
print(f"{{len(results.records)}} trials, {{len(results.curves)}} rows of curves, {{len(findings)}} findings")
print("processor time:", end=" ")
print(f"imports {{imported - began:.2f}} s, reading {{read - imported:.2f}} s, summary {{ended - read:.2f}} s")
"""


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        began = time.perf_counter()
        folder = write_comparison(Path(name), ARMS, DATA, range(5), axes=AXES, after=AFTER)
        size = sum(path.stat().st_size for path in folder.glob("trials/*/trial.json")) / 1e6
        print(f"made up in {time.perf_counter() - began:.1f} s: records of {size:.0f} MB")
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        subprocess.run([sys.executable, "-c", READ.format(folder=str(folder))], check=True, env=environment)


if __name__ == "__main__":
    main()
