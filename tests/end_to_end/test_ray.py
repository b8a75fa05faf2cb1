"""Trials on a Ray cluster of two nodes, of which one is killed."""

import os
import signal
import threading
import time
from collections import Counter
from dataclasses import replace
from functools import partial
from importlib.util import find_spec

import pytest
import torch

from spikelearn.bench.plan.reading import plan_from
from spikelearn.bench.run.engines import RayEngine
from spikelearn.bench.run.engines.ray import _unfit
from spikelearn.bench.run.run_trial import attempt
from spikelearn.bench.run.trial_folder import TrialFolder
from spikelearn.training import Interrupted, RunFolder, load_checkpoint
from tests.in_this_process import denormals_flushed
from tests.listening import listening, on_loopback

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
os.environ["RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO"] = "0"
# Looked for and not imported: every worker collects this file.
pytestmark = pytest.mark.skipif(find_spec("ray") is None, reason="it is not installed")

COMMON = {"net": "64-16-10", "steps": 5, "epochs": 6, "data_fraction": 0.2, "batch": 16}
NODE = {"num_cpus": 1, "object_store_memory": 100 * 2**20, "include_dashboard": False, "node_ip_address": "127.0.0.1"}


def is_connected():
    import ray

    return ray.is_initialized()


@pytest.fixture(scope="module")
def trials():
    plan = plan_from({"rules": ["bptt", "dfa"], "seeds": 3, "common": COMMON, "tuned": False, "measure": False})
    return [point.trial for point in plan.points()]


@pytest.fixture
def cluster(monkeypatch):
    import ray
    from ray.cluster_utils import Cluster

    # Ray takes 127.0.0.1 for the machine's own address, where nothing listens here.
    monkeypatch.setattr("ray._private.ray_constants.ENABLE_RAY_CLUSTER", False)
    made = Cluster(initialize_head=True, head_node_args=NODE)
    yield made
    ray.shutdown()
    made.shutdown()


@pytest.fixture
def _as_on_a_node():
    """One thread, and denormal numbers flushed: what is computed here then equals what nodes compute."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with denormals_flushed():
        yield
    torch.set_num_threads(threads)


def logged(root, log, doomed=None):
    """An attempt, with a line in ``log`` for each that was given to a worker, and for each that ended.

    On the node ``doomed`` a trial waits behind its first epoch, so that it cannot end before the node is killed.
    """

    def work(trial):
        import ray

        node = ray.get_runtime_context().get_node_id()
        with log.open("a") as file:
            file.write(f"begin {trial.id} {node}\n")
        if node == doomed:
            wait_behind_the_first_epoch()
        outcome = attempt(trial, root)
        with log.open("a") as file:
            file.write(f"end {trial.id} {node}\n")
        return outcome

    return work


def wait_behind_the_first_epoch():
    append, node = RunFolder.append_metrics, os.getppid()

    def append_and_wait(self, row):
        append(self, row)
        while os.getppid() == node:
            time.sleep(0.05)
        os._exit(1)  # as it would end with its node, but at once

    RunFolder.append_metrics = append_and_wait


def lines_of(log, word):
    lines = log.read_text().splitlines() if log.exists() else []
    return [line.split()[1:] for line in lines if line.startswith(word)]


@pytest.mark.slow
@pytest.mark.usefixtures("_as_on_a_node")
def test_a_node_is_killed_and_nothing_is_lost(tmp_path, cluster, trials):
    second = cluster.add_node(**{name: value for name, value in NODE.items() if name != "include_dashboard"})
    cluster.wait_for_nodes()
    root, log, killed = tmp_path / "trials", tmp_path / "log", []

    def kill():
        """Kill the second node when a trial on it has ended its first epoch."""
        while not killed:
            for name, node in lines_of(log, "begin"):
                folder = TrialFolder(root / name)
                if node == second.node_id and folder.metrics.exists() and not folder.record.exists():
                    cluster.remove_node(second, allow_graceful=False)
                    killed.append(name)
                    return
            time.sleep(0.01)

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    engine, work = RayEngine(address=cluster.address), logged(root, log, second.node_id)
    outcomes = {outcome.trial.id: outcome for outcome in engine.run(trials, work, root=root)}
    assert not is_connected()
    assert killed, "no trial was on the node when it was to be killed"
    assert set(outcomes) == {trial.id for trial in trials}
    assert all(outcome.failure is None for outcome in outcomes.values())
    assert Counter(name for name, _ in lines_of(log, "end")) == dict.fromkeys(outcomes, 1)
    assert Counter(name for name, _ in lines_of(log, "begin"))[killed[0]] == 2
    assert outcomes[killed[0]].record.resumed
    alone = tmp_path / "alone"
    for trial in trials:
        expected = attempt(trial, alone).record
        for name in ("score", "unique_accuracy", "validation_score", "fingerprints"):
            assert getattr(outcomes[trial.id].record, name) == getattr(expected, name)
        weights = [folder / trial.id / "weights.safetensors" for folder in (root, alone)]
        assert weights[0].read_bytes() == weights[1].read_bytes()
    assert {path.name for path in root.iterdir()} == set(outcomes)


def test_a_stop_leaves_checkpoints_on_a_local_cluster_that_is_open_to_nobody(tmp_path, monkeypatch, trials):
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    trial = trials[0]
    endless = replace(trial, settings=trial.settings.model_copy(update={"epochs": 100_000}))
    folder, sockets = TrialFolder(tmp_path / endless.id), {}

    def stop():
        while not folder.metrics.exists():
            time.sleep(0.01)
        sockets.update(listening(os.getpid()))
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=stop, daemon=True).start()
    engine = RayEngine()
    with pytest.raises(Interrupted):
        next(engine.run([endless], partial(attempt, root=tmp_path), root=tmp_path))
    assert not is_connected()
    position = load_checkpoint(folder.checkpoint)["position"]
    # Ended epochs have their checkpoint anyway; this one was written between two batches.
    assert position["batch"] > 0
    assert position["epoch"] == len(folder.read_metrics())
    assert {path.name for path in tmp_path.iterdir()} == {endless.id}
    with folder.claimed():  # nobody works there
        pass
    assert {"gcs_server", "raylet"} < set(sockets.values()), "the cluster's own processes were not looked at"
    assert [address for address in sockets if not on_loopback(address)] == []


def test_what_a_cluster_cannot_do_is_said(tmp_path, trials):
    with pytest.raises(ValueError, match="no Ray cluster answers at '127.0.0.1:1'"):
        next(RayEngine(address="127.0.0.1:1").run(trials, attempt))
    assert "does not see" in _unfit(tmp_path / "elsewhere" / "mark")
    (tmp_path / "mark").touch()
    assert _unfit(tmp_path / "mark") is None
    assert [path.name for path in tmp_path.iterdir()] == ["mark"]
    with pytest.raises(ValueError, match=r"no node of the Ray cluster has room for a trial \(1000 CPU, 2 GPU\)"):
        next(RayEngine(address="local", cpus=1000, gpus=2).run(trials, attempt))
    assert not is_connected()
