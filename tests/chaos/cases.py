"""
Cases: one fault each, drawn by a number, and what became of the run that it struck.

    python tests/chaos/cases.py --count 200 --seed 1

prints a table, by kind of fault: how many there were, and how many the line survived. It exits with 1 when one was not.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tests" / "chaos"), str(ROOT / "tests"), str(ROOT / "scripts")]

import faults  # noqa: E402
import pair  # noqa: E402
import workflows  # noqa: E402
from scenes import MissedError, Scene  # noqa: E402

TRIES = 3
"""Of a fault that strikes nothing because the run was over."""


@dataclass(frozen=True)
class Kind:
    """A kind of fault."""

    strike: Callable[[Scene], str]
    share: int
    """How many of a round of cases are of this kind."""
    small_disk: bool = False


KINDS = {
    "kill everything": Kind(faults.kill_everything, 2),
    "kill Snakemake": Kind(faults.kill_snakemake, 2),
    "kill a script": Kind(faults.kill_script, 2),
    "kill a sandbox": Kind(faults.kill_sandbox, 1),
    "kill a test runner": Kind(faults.kill_runner, 2),
    "kill an agent's command": Kind(faults.kill_agent, 1),
    "SIGTERM": Kind(faults.terminate, 2),
    "Ctrl-C": Kind(faults.interrupt, 2),
    "disk full": Kind(faults.fill_disk, 2, small_disk=True),
    "folder read-only": Kind(faults.close_folder, 2),
    "clock set": Kind(faults.set_clock, 2),
}


@dataclass(frozen=True)
class Case:
    """One fault."""

    number: int
    kind: str
    seed: int

    @property
    def name(self) -> str:
        """Return the name of its folder and its test."""
        return f"{self.number:03d}-{self.kind.replace(' ', '-').replace(chr(39), '')}"


@dataclass(frozen=True)
class Result:
    """What became of a case."""

    case: Case
    struck: str
    why_not: str
    """Why the line did not survive; empty when it did."""
    seconds: float


def draw(count: int, seed: int) -> list[Case]:
    """Return so many cases, all kinds in their shares, round after round."""
    deck = [name for name, kind in KINDS.items() for _ in range(kind.share)]
    return [Case(number, deck[number % len(deck)], seed * 100_000 + number) for number in range(count)]


class Theatre:
    """Where cases are played: a folder with an undisturbed run, and a folder a case."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.finished = place / "undisturbed"

    def prepare(self) -> None:
        """Run the line undisturbed."""
        pair.make_folder(self.finished)
        done = workflows.snakemake(self.finished, pair.ORACLE.rows)
        assert done.returncode == 0, done.stdout

    def play(self, case: Case) -> Result:
        """Play a case and tell what became of it."""
        began, struck, why_not = time.monotonic(), "nothing", ""
        rng = random.Random(case.seed)  # noqa: S311 - a seeded draw
        try:
            struck = self._play(case, rng)
        except (AssertionError, MissedError, OSError) as error:
            why_not = str(error) or repr(error)
        return Result(case, struck, why_not, time.monotonic() - began)

    def _play(self, case: Case, rng: random.Random) -> str:
        kind = KINDS[case.kind]
        for number in range(1, TRIES + 1):
            place = self.place / f"{case.name}.{number}"
            place.mkdir()
            with faults.small_disk(place) if kind.small_disk else nullcontext():
                scene = Scene(pair.ORACLE, place / f"folder-{case.name}-{number}", self.finished, rng)
                pair.make_folder(scene.folder)
                try:
                    struck = kind.strike(scene)
                except MissedError:
                    if number == TRIES:
                        raise
                    continue
                workflows.check_whole(scene.line, scene.folder, self.finished, scene.entries())
            shutil.rmtree(place)
            return struck
        raise AssertionError("unreachable")
