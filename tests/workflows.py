"""Run the real workflow from a folder of a test's own."""

import contextlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import psutil
import yaml

import tiny

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "scripts"
TARGETS = ("trajectories_sft/tiny-oracle.resolved_only.xml.jsonl", "reports/tiny-oracle.html")
"""What the finished line ends in."""


def make_folder(folder: Path) -> None:
    """Write the tiny package's profile and config.yaml, and the agent's and rows' prompts, into a test's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    profile = tiny.write_profile(folder)
    (folder / "tmp").mkdir(exist_ok=True)
    shutil.copy(ROOT / "configs" / "agent" / "oracle.yaml", folder / "agent.yaml")
    shutil.copy(ROOT / "configs" / "agent" / "xml_tools.yaml", folder / "rows.yaml")
    repo = {
        "profile": profile.name,
        "sandbox": {"backend": "bubblewrap"},
        "bug_generation": {"max_bugs": 12},
        "validation": {"max_instances": 5},
    }
    rows = {"prompt": "rows.yaml", "filters": {"instances": False}}  # two of the tiny package's few bugs are alike
    run = {"repo": "tiny", "agent": {"config": "agent.yaml"}, "sft": rows}
    write_config(folder, {"repos": {"tiny": repo}, "runs": {"tiny-oracle": run}})


def read_config(folder: Path) -> dict[str, Any]:
    """Return the config.yaml of a test's folder."""
    config: dict[str, Any] = yaml.safe_load((folder / "config.yaml").read_text())
    return config


def write_config(folder: Path, config: dict[str, Any]) -> None:
    """Write the config.yaml of a test's folder."""
    (folder / "config.yaml").write_text(yaml.safe_dump(config))


def copy_folder(source: Path, folder: Path) -> None:
    """Copy a finished folder with its times, so that nothing is to be done in the copy."""
    subprocess.run(["cp", "-a", "--reflink=auto", source, folder], check=True)


def command(folder: Path, *arguments: str, cores: int = 2) -> list[str]:
    """Return the command that runs the workflow in a test's folder."""
    snakemake = [sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
    return [*snakemake, *arguments, "--cores", str(cores), "--configfile", str(folder / "config.yaml")]


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of the workflow: its scratch folders stand in the test's folder."""
    return {**os.environ, "TMPDIR": str(folder / "tmp")}


def snakemake(folder: Path, *arguments: str, cores: int = 2) -> subprocess.CompletedProcess[str]:
    """Run the workflow in a test's folder, targets first, and return how it ended, both outputs in stdout."""
    return subprocess.run(
        command(folder, *arguments, cores=cores),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env=environment(folder),
        timeout=600,
    )


def planned(folder: Path, *arguments: str) -> set[str]:
    """Return the rules that a dry run plans."""
    done = snakemake(folder, "-n", *arguments)
    assert done.returncode == 0, done.stdout
    words = (line.split() for line in done.stdout.splitlines())
    return {line[1].rstrip(":") for line in words if len(line) == 2 and line[0] in ("rule", "localrule")} - {"all"}


def requests(plan: str) -> list[dict[str, str]]:
    """Return what each job of a dry run asks for: `rule`, `threads` and its resources, all as text."""
    jobs = []
    for part in re.findall(r"^(?:local)?rule .*?(?=^\S)", plan, re.M | re.S):
        threads = re.search(r"^ +threads: (\d+)$", part, re.M)
        resources = re.search(r"^ +resources: (.*)$", part, re.M)
        named = dict(one.split("=", 1) for one in (resources[1] if resources else "").split(", ") if "=" in one)
        jobs.append({"rule": re.split(r"[ :]+", part)[1], "threads": threads[1] if threads else "1", **named})
    return jobs


def wait_for(condition: Callable[[], bool], timeout_s: float = 120) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.02)


def kill_tree(process: "subprocess.Popen[str]") -> None:
    """Kill a process and all that descends from it at once, as a machine that loses power would."""
    for one in freeze_tree(process):
        _tell(one.kill)
    process.wait()


def freeze_tree(process: "subprocess.Popen[str]") -> set[psutil.Process]:
    """Stop a process and all that descends from it; return them."""
    stopped: set[psutil.Process] = set()
    while found := {one for one in _family(process.pid) if one.is_running()} - stopped:
        for one in found:  # again until none is new: one may start another while they are stopped
            _tell(one.suspend)
        stopped |= found
    return stopped


def freeze_where(process: "subprocess.Popen[str]", condition: Callable[[], bool]) -> None:
    """Stop a process and all that descends from it at a moment at which a condition holds and goes on to hold."""

    def stands_there() -> bool:
        assert process.poll() is None, "the process ended before the condition came true"
        if not condition():
            return False
        frozen = freeze_tree(process)
        if condition():
            return True
        for one in frozen:
            _tell(one.resume)
        return False

    wait_for(stands_there)


def _family(pid: int) -> set[psutil.Process]:
    try:
        found = psutil.Process(pid)
        return {found, *found.children(recursive=True)}
    except psutil.NoSuchProcess:
        return set()


def _tell(signal: Callable[[], None]) -> None:
    with contextlib.suppress(psutil.NoSuchProcess):
        signal()


def processes_of(folder: Path) -> list[str]:
    """Return the command lines of the processes that name a folder or work in it."""
    lines = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        line = " ".join(process.info["cmdline"] or [])
        if str(folder) in line or process.info["cwd"] == str(folder):
            lines.append(line)
    return lines


def leftovers(folder: Path) -> list[Path]:
    """Return temporary files, scratch folders and control groups that should be gone."""
    hidden = list(folder.rglob(".*.tmp"))
    scratch = list((folder / "tmp").glob("tracesmith-*/*"))
    return [*hidden, *scratch]


def finished_entries(stores: Sequence[Path]) -> dict[Path, tuple[int, int]]:
    """Return the whole entries of some stores, with what changes when one is written again."""
    entries = [path for store in stores for path in store.glob("[!.]*/entry.json")]
    return {path: (path.stat().st_ino, path.stat().st_mtime_ns) for path in entries}


def forget(folder: Path, names: Sequence[str]) -> None:
    """Remove files and stores of a finished line, so that they are made again."""
    for name in names:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
