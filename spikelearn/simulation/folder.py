"""The folder of a simulation: what is simulated, the state that it goes on from, and its recording."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spikelearn.documents import json_text, read_json
from spikelearn.files import write_atomically
from spikelearn.simulation.simulation import Simulation
from spikelearn.training.checkpoint import load_checkpoint, save_checkpoint


class SimulationFolder:
    """Files of one simulation.

    Args:
        path: the folder.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.about, self.state = self.path / "simulation.json", self.path / "state.ckpt"
        self.beginning, self.recording = self.path / "beginning.ckpt", self.path / "recording.h5"

    def begin(self, simulation: Simulation, about: Mapping[str, Any]) -> None:
        """Keep what is simulated, and the state that it begins with.

        Raises:
            ValueError: a folder that holds a simulation.
        """
        self.check_free()
        if simulation.rule is not None:
            save_checkpoint(self.beginning, simulation.state_dict())
        self.save(simulation)
        write_atomically(self.about, json_text({**about, **_stamp(simulation)}).encode())

    def check_free(self) -> None:
        """Raise ValueError where there is a simulation already."""
        for file in (self.about, self.recording):
            if file.exists():
                raise ValueError(
                    f"{self.path} holds a simulation: go on with --resume {self.path}, or name another with --out"
                )

    def save(self, simulation: Simulation) -> None:
        """Keep where a simulation stands; the state before is kept until this one is whole."""
        save_checkpoint(self.state, simulation.state_dict())

    def load(self, simulation: Simulation) -> None:
        """Have a simulation stand where it was kept.

        Raises:
            ValueError: no state, a damaged one, or one of another network; inputs that are no longer what they were.
        """
        began, stamp = self.read().get("stamp"), simulation.source.stamp()
        if began is not None and began != stamp:
            raise ValueError(
                f"{self.path} was begun with {began}, but its input is now {stamp}: restore the file, or "
                "begin anew with another --out"
            )
        simulation.load_state_dict(load_checkpoint(self.state))

    def read(self) -> dict[str, Any]:
        """What is simulated.

        Raises:
            ValueError: no simulation, or a damaged file.
        """
        if not self.about.is_file():
            raise ValueError(f"{self.path} holds no simulation (no {self.about.name}): name what simulate --out wrote")
        return dict(read_json(self.about))


def _stamp(simulation: Simulation) -> dict[str, str]:
    """The stamp of its inputs, where they have one."""
    stamp = simulation.source.stamp()
    return {"stamp": stamp} if stamp else {}
