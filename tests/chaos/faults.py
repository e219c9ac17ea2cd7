"""
The faults: what is done to a run, by kind. Each runs the line until it is disturbed and says what it struck.

Afterwards the fault is over, the run has ended or was left to itself, and the same command has to finish the line.
"""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

import needs
from scenes import ENDING_S, IN_SANDBOXES, Scene, is_runner, is_sandbox, is_script

DAY_S = 86_400
OUTPUTS = ("logs/bug_gen", "logs/run_validation", "logs/agent_datasets", "trajectories", "trajectories_sft")
DISK = "32m"
"""More than the line writes, so that only the ballast fills it."""


def kill_everything(scene: Scene) -> str:
    """Kill Snakemake and all that it started, as a machine that loses power does."""
    scene.start()
    moment = scene.wait_for_a_moment()
    scene.kill_all()
    return f"everything at {moment}"


def kill_snakemake(scene: Scene) -> str:
    """Kill Snakemake alone: its job goes on by itself."""
    scene.start()
    moment = scene.wait_for_a_moment()
    scene.running().kill()
    scene.running().wait()
    return f"Snakemake at {moment}"


def kill_script(scene: Scene) -> str:
    """Kill the script of a rule."""
    scene.start()
    moment = scene.wait_for_a_moment()
    return _kill_one(scene, is_script, moment)


def kill_sandbox(scene: Scene) -> str:
    """Kill bubblewrap around a command."""
    scene.start()
    moment = scene.wait_for_a_moment("evaluate_predictions", *IN_SANDBOXES)
    return _kill_one(scene, is_sandbox, moment)


def kill_agent(scene: Scene) -> str:
    """Kill the sandbox around a command of an agent."""
    scene.start()
    moment = scene.wait_for_a_moment("run_agent")
    return _kill_one(scene, is_sandbox, moment)


def kill_runner(scene: Scene) -> str:
    """Kill the test runner inside its sandbox."""
    scene.start()
    moment = scene.wait_for_a_moment("build_environment", "validate_bugs", "confirm_bugs", "evaluate_predictions")
    return _kill_one(scene, is_runner, moment)


def terminate(scene: Scene) -> str:
    """Send SIGTERM to Snakemake, which lets its jobs finish and starts no other."""
    scene.start()
    moment = scene.wait_for_a_moment()
    scene.running().terminate()
    code = scene.wait_for_end()
    return f"SIGTERM at {moment}: {code}"


def interrupt(scene: Scene) -> str:
    """Send SIGINT to the whole group, as Ctrl-C does."""
    scene.start()
    moment = scene.wait_for_a_moment()
    scene.signal_group(signal.SIGINT)
    code = scene.wait_for_end(ENDING_S)
    return f"Ctrl-C at {moment}: {code}"


def fill_disk(scene: Scene) -> str:
    """Fill the disk that holds results and scratch folders, and free it after the run has ended."""
    scene.start()
    moment = scene.wait_for_a_moment()
    left = scene.rng.choice([0, 4096, 65_536])
    ballast = scene.folder / "ballast"
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(65_536))
    os.truncate(ballast, max(0, ballast.stat().st_size - left))
    code = scene.wait_for_end()
    ballast.unlink()
    return f"{left} bytes left at {moment}: {code}"


def close_folder(scene: Scene) -> str:
    """Make an output folder read-only for a whole run."""
    name = scene.rng.choice(OUTPUTS)
    place = scene.folder / name
    place.mkdir(parents=True, exist_ok=True)
    with _read_only(place):
        scene.start()
        code = scene.wait_for_end()
    assert code == 1, f"{name} was read-only, and the run ended with {code}"
    return f"{name} was read-only"


def set_clock(scene: Scene) -> str:
    """Set the clock of Snakemake and its scripts by a day while they run; files written from then on have its time."""
    jump = scene.rng.choice([DAY_S, -DAY_S])
    clock = scene.folder / "clock"
    clock.write_text("+0\n")
    scene.start(
        LD_PRELOAD=str(needs.faketime()),
        FAKETIME_TIMESTAMP_FILE=str(clock),
        FAKETIME_NO_CACHE="1",
        FAKETIME_DONT_FAKE_MONOTONIC="1",
        NO_FAKE_STAT="1",
    )
    moment = scene.wait_for_a_moment()
    struck_ns = time.time_ns()
    clock.write_text(f"{jump:+d}\n")
    code = scene.wait_for_end()
    clock.unlink()
    for path in scene.folder.rglob("*"):
        if not path.is_symlink() and path.stat().st_mtime_ns > struck_ns:
            moved = path.stat().st_mtime_ns + jump * 10**9
            os.utime(path, ns=(moved, moved))
    return f"{jump:+d} s at {moment}: {code}"


def _kill_one(scene: Scene, is_wanted: Callable[[list[str]], bool], moment: str) -> str:
    """Kill one process and let the run end as it likes."""
    name = _kill(scene, is_wanted)
    code = scene.wait_for_end()
    return f"{name} after {moment}: {code}"


def _kill(scene: Scene, is_wanted: Callable[[list[str]], bool]) -> str:
    while True:
        process = scene.find(is_wanted)
        with contextlib.suppress(psutil.NoSuchProcess):
            name = " ".join(Path(word).name for word in process.cmdline()[:2])
            process.kill()
            return f"{name} ({process.pid})"


@contextlib.contextmanager
def small_disk(place: Path) -> Iterator[None]:
    """Mount a small disk on a folder for the block."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "chaos", place], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", place], check=True)


@contextlib.contextmanager
def _read_only(place: Path) -> Iterator[None]:
    """Make a folder read-only for the block; modes would not stop root."""
    subprocess.run(["mount", "--bind", place, place], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", place], check=True)
        yield
    finally:
        subprocess.run(["umount", place], check=True)
