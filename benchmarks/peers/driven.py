"""A program in a process of its own: a line in, a line of JSON out."""

import json
import subprocess
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any


class Driven:
    """A program that is asked for one round at a time, and keeps its own clock."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self.process = process
        self.about = self._answer()

    def prepare(self) -> None:
        """Nothing: the driver begins anew by itself."""

    def step(self) -> float:
        """Its own account of the milliseconds."""
        return self.ask("time")["ms"]

    def ask(self, line: str) -> Any:
        """The answer to one line.

        Raises:
            RuntimeError: the process has ended.
        """
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        return self._answer()

    def _answer(self) -> Any:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise RuntimeError(f"{self.process.args} ended without an answer")


@contextmanager
def driven(
    command: Sequence[str], environment: Mapping[str, str] | None = None, kind: type[Driven] = Driven
) -> Iterator[Driven]:
    """The program that ``command`` starts; it is ended on leaving.

    Args:
        command: the program and its arguments.
        environment: its variables; None: ours.
        kind: what is made of the process.

    Raises:
        RuntimeError: it ended by itself; with the last lines that it wrote.
        OSError: there is no such program.
    """
    with tempfile.TemporaryFile("w+") as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True, env=environment
        )
        try:
            yield kind(process)
        except (RuntimeError, BrokenPipeError) as error:
            errors.seek(0)
            raise RuntimeError(f"{error}: {errors.read()[-2000:]}") from error
        finally:
            process.kill()
            process.communicate()
