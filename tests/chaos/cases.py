"""Cases: one fault each, drawn by a number, and what became of the run that it struck."""

import random
import shutil
import subprocess
import time
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path

import engine_faults
import faults
import hostile_packages
import model_faults
import pair
import stages
import workflows
from scenes import MissedError, Scene

TRIES = 6
"""Of a fault that strikes nothing because the run was over; libfaketime alone makes short waits fail now and then."""
Stage = Callable[[Path, Path, random.Random], AbstractContextManager[Scene]]


def check_whole(scene: Scene) -> None:
    """Check that the same command finishes the line, to the bytes of the undisturbed run, and leaves nothing behind."""
    workflows.check_whole(scene.line, scene.folder, scene.finished, scene.entries(), **scene.variables)
    if scene.model:
        model_faults.check_paid_once(scene.folder)
    if scene.engine:
        engine_faults.check_engine(scene)


@dataclass(frozen=True)
class Kind:
    """A kind of fault."""

    strike: Callable[[Scene], str]
    share: int
    """How many of a round of cases are of this kind."""
    stage: Stage = stages.plain
    check: Callable[[Scene], None] = check_whole
    needs: str = "sandbox"
    """Markers of what it needs on this machine, beside each other."""


def _package(name: str) -> Kind:
    return Kind(partial(hostile_packages.live_with, name=name), 1, check=hostile_packages.check)


KINDS = {
    "kill everything": Kind(faults.kill_everything, 2),
    "kill Snakemake": Kind(faults.kill_snakemake, 2),
    "kill a script": Kind(faults.kill_script, 2),
    "kill a sandbox": Kind(faults.kill_sandbox, 1),
    "kill a test runner": Kind(faults.kill_runner, 2),
    "kill an agent's command": Kind(faults.kill_agent, 1),
    "SIGTERM": Kind(faults.terminate, 2),
    "Ctrl-C": Kind(faults.interrupt, 2),
    "disk full": Kind(faults.fill_disk, 2, stages.on_a_small_disk, needs="sandbox mounts"),
    "folder read-only": Kind(faults.close_folder, 2, needs="sandbox mounts"),
    "clock set": Kind(faults.set_clock, 2, needs="sandbox faketime"),
    "model misbehaves": Kind(model_faults.misbehave, 1, stages.with_a_model),
    "model gone": Kind(model_faults.vanish, 1, stages.with_a_model),
    "kill during a call": Kind(model_faults.kill_caller, 2, stages.with_a_model),
    **{f"package: {name}": _package(name) for name in hostile_packages.HOSTILES},
    "engine killed": Kind(engine_faults.crash_engine, 1, stages.in_docker, needs="sandbox docker mounts"),
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
        words = "".join(letter if letter.isalnum() else " " for letter in self.kind).split()
        return "-".join([f"{self.number:03d}", *words])


@dataclass(frozen=True)
class Result:
    """What became of a case."""

    case: Case
    struck: str
    why_not: str
    """Why the line did not survive; empty when it did."""
    seconds: float


def draw(count: int, seed: int, kinds: Collection[str] = tuple(KINDS)) -> list[Case]:
    """Return so many cases of some kinds, in their shares, round after round."""
    deck = [name for name in kinds for _ in range(KINDS[name].share)]
    return [Case(number, deck[number % len(deck)], seed * 100_000 + number) for number in range(count)]


class Theatre:
    """Where cases are played: a folder with an undisturbed run, and a folder a case."""

    def __init__(self, place: Path) -> None:
        self.place = place

    @cached_property
    def undisturbed(self) -> Path:
        """A folder in which the oracle's line was run, and then, with a model, that of an agent."""
        folder = self.place / "undisturbed"
        pair.make_folder(folder)
        _run(folder, pair.ORACLE)
        return folder

    @cached_property
    def undisturbed_with_a_model(self) -> Path:
        """The same, and then the line of an agent that asks a model."""
        folder = self.place / "undisturbed-with-a-model"
        with stages.with_a_model(folder, self.undisturbed, random.Random()) as scene:  # noqa: S311 - nothing is drawn
            _run(folder, pair.MINI, **scene.variables)
        return folder

    def prepare(self) -> None:
        """Run the lines undisturbed."""
        assert self.undisturbed_with_a_model

    def play(self, case: Case) -> Result:
        """Play a case and tell what became of it."""
        began, struck, why_not = time.monotonic(), "nothing", ""
        try:
            struck = self._play(case, random.Random(case.seed))  # noqa: S311 - a seeded draw
        except (AssertionError, MissedError, OSError, subprocess.SubprocessError) as error:
            why_not = str(error) or repr(error)
        return Result(case, struck, why_not, time.monotonic() - began)

    def _play(self, case: Case, rng: random.Random) -> str:
        kind = KINDS[case.kind]
        finished = self.undisturbed_with_a_model if kind.stage is stages.with_a_model else self.undisturbed
        for number in range(1, TRIES + 1):
            place = self.place / f"{case.name}.{number}"
            place.mkdir()
            with kind.stage(place / f"folder-{case.name}-{number}", finished, rng) as scene:
                try:
                    struck = kind.strike(scene)
                except MissedError:
                    if number == TRIES:
                        raise
                    continue
                kind.check(scene)
            shutil.rmtree(place)
            return struck
        raise AssertionError("unreachable")


def _run(folder: Path, line: workflows.Line, **variables: str) -> None:
    done = workflows.snakemake(folder, line.rows, **variables)
    assert done.returncode == 0, done.stdout
