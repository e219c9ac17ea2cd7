"""Run the real workflow from a folder of a test's own."""

import contextlib
import os
import pty
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import yaml

import tiny
from tracesmith import owners, scratch
from tracesmith.sandboxes import cgroups

ROOT = Path(__file__).resolve().parents[1]
SCRIPTS = ROOT / "scripts"
TARGETS = ("trajectories_sft/tiny-oracle.resolved_only.xml.jsonl", "reports/tiny-oracle.html")
"""What the finished line ends in."""
Entries = dict[Path, tuple[int, int]]


@dataclass(frozen=True)
class Line:
    """One repository and one run of it, and where the line writes what it is for."""

    repo: str
    run: str

    @property
    def rows(self) -> str:
        """The target: the rows of the resolved instances."""
        return f"trajectories_sft/{self.run}.resolved_only.xml.jsonl"

    @property
    def stores(self) -> list[str]:
        """The stores of what is expensive."""
        validation = f"logs/run_validation/{self.repo}"
        agents = f"trajectories/local/{self.run}"
        return [validation, agents, f"logs/run_evaluation/{self.run}", f"{validation}/confirmation"]

    @property
    def final(self) -> list[str]:
        """The files that are the same bytes whatever happened on the way."""
        return [
            f"logs/task_insts/{self.repo}.json",
            f"logs/agent_datasets/{self.repo}_final.json",
            f"trajectories/local/{self.run}/preds.json",
            f"logs/run_evaluation/{self.run}/report.json",
            f"trajectories_sft/{self.run}.xml.jsonl",
            self.rows,
        ]


def copy_prompts(folder: Path) -> None:
    """Put the agent's and the rows' prompts into a test's folder, and make the folder of its scratch folders."""
    (folder / "tmp").mkdir(exist_ok=True)
    shutil.copy(ROOT / "configs" / "agent" / "oracle.yaml", folder / "agent.yaml")
    shutil.copy(ROOT / "configs" / "agent" / "xml_tools.yaml", folder / "rows.yaml")


def make_folder(folder: Path) -> None:
    """Write the tiny package's profile and config.yaml, and the agent's and rows' prompts, into a test's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    profile = tiny.write_profile(folder)
    copy_prompts(folder)
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


def by_hand(folder: Path) -> dict[str, str]:
    """Return the environment of a person's commands: the same, with the programs of the test's own Python first."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return {**environment(folder), "PATH": path}


def snakemake(folder: Path, *arguments: str, cores: int = 2, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the workflow in a test's folder, targets first, and return how it ended, both outputs in stdout."""
    return subprocess.run(
        command(folder, *arguments, cores=cores),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        env={**environment(folder), **variables},
        timeout=600,
    )


def snakemake_on_a_terminal(folder: Path, *arguments: str) -> tuple[int, str]:
    """Run the workflow as somebody does who looks at it, and return the exit code and what the terminal showed."""
    ours, terminal = pty.openpty()
    with os.fdopen(ours, "rb", buffering=0) as shown:
        process = subprocess.Popen(
            command(folder, *arguments),
            stdout=terminal,
            stderr=terminal,
            env=environment(folder),
            start_new_session=True,
        )
        os.close(terminal)
        said = b""
        with contextlib.suppress(OSError):  # what Linux says of a terminal that nobody writes to any more
            while chunk := shown.read(1 << 16):
                said += chunk
    return process.wait(), said.decode()


def start(folder: Path, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
    """Start the workflow as the head of a process group of its own; what it says is added to out.log."""
    with (folder / "out.log").open("a") as log:
        return subprocess.Popen(
            command(folder, *arguments),
            stdout=log,
            stderr=log,
            text=True,
            env={**environment(folder), **variables},
            start_new_session=True,
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


def wait_for(condition: Callable[[], object], timeout_s: float = 120, poll_s: float = 0.02) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(poll_s)


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


def thaw(frozen: Iterable[psutil.Process]) -> None:
    """Let stopped processes go on."""
    for one in frozen:
        _tell(one.resume)


@contextlib.contextmanager
def frozen(process: "subprocess.Popen[str]") -> Iterator[None]:
    """Stop a process that has not ended, and all that descends from it, for the block."""
    stopped = freeze_tree(process)
    try:
        assert process.poll() is None, "the process ended before it was stopped"
        yield
    finally:
        thaw(stopped)


def freeze_where(process: "subprocess.Popen[str]", condition: Callable[[], bool]) -> None:
    """Stop a process and all that descends from it at a moment at which a condition holds and goes on to hold."""

    def stands_there() -> bool:
        assert process.poll() is None, "the process ended before the condition came true"
        if not condition():
            return False
        frozen = freeze_tree(process)
        if condition():
            return True
        thaw(frozen)
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
    """Return the command lines of the processes that name a folder, work in it, or have a part of it mounted."""
    lines, inside = [], _place_on_its_disk(folder)
    ours = _mounted("self")
    for process in psutil.process_iter(["cmdline", "cwd"]):
        line = " ".join(process.info["cmdline"] or [])
        sandboxed = any(inside in place for place in _mounted(process.pid) - ours)
        if str(folder) in line or process.info["cwd"] == str(folder) or sandboxed:
            lines.append(line or f"process {process.pid}")
    return lines


def _place_on_its_disk(folder: Path) -> str:
    """Return a folder's path from the root of the file system that it is on, as proc(5) tells where a mount begins."""
    top = next(place for place in (folder, *folder.parents) if place.is_mount())
    return f"/{folder.relative_to(top)}/"


def _mounted(pid: int | str) -> set[str]:
    """Return where the mounts that a process sees, such as one in a sandbox, begin on their file systems."""
    try:
        lines = Path(f"/proc/{pid}/mountinfo").read_text().splitlines()
    except OSError:
        return set()
    return {line.split(" ", 4)[3] for line in lines}


def owners_of_containers(engine: str | None = None) -> list[str]:
    """Return whose tracesmith's containers are, on an engine: that of an address, or the usual one."""
    import docker  # noqa: PLC0415 (a fifth of a second that other tests need not pay)

    with contextlib.closing(docker.DockerClient(base_url=engine) if engine else docker.from_env()) as client:
        found = client.containers.list(all=True, filters={"label": "tracesmith.owner"}, ignore_removed=True)
        return [str(container.labels["tracesmith.owner"]) for container in found]


def has_containers(process: "subprocess.Popen[str]") -> bool:
    """Tell whether a process that descends from another has a container on the usual engine."""
    family = {str(one.pid) for one in _family(process.pid)}
    return any(owner.split(".")[1] in family for owner in owners_of_containers())


def wait_for_no_dead_containers() -> None:
    """Wait until no container of a dead process is on the usual engine: another test's are removed by its next run."""
    wait_for(lambda: not any(map(owners.is_dead, owners_of_containers())), poll_s=1)


def leftovers(folder: Path) -> list[Path]:
    """Return temporary files and scratch folders that should be gone."""
    hidden = list(folder.rglob(".*.tmp"))
    scratch = list((folder / "tmp").glob("tracesmith-*/*"))
    return [*hidden, *scratch]


def dead_groups() -> list[Path]:
    """Return the control groups of sandboxes, anywhere on this machine, whose process is gone."""
    places = ("tracesmith/*", "*/tracesmith/*", "user.slice/*/*/tracesmith/*")
    found = [path for place in places for path in cgroups.ROOT.glob(place)]
    return [path for path in found if path.is_dir() and scratch.owner_is_dead(path.name)]


def check_whole(line: Line, folder: Path, finished: Path, before: Entries, **variables: str) -> None:
    """Check that the same command finishes to the bytes of an undisturbed run, redoes no entry and leaves nothing."""
    done = snakemake(folder, line.rows, **variables)
    assert done.returncode == 0, done.stdout
    check_final(line, folder, finished)
    after = finished_entries([folder / store for store in line.stores])
    redone = [str(path.relative_to(folder)) for path in before if after.get(path) != before[path]]
    assert not redone, f"done twice: {redone}"
    check_clean(folder)


def check_final(line: Line, folder: Path, finished: Path) -> None:
    """Check that the files that a line is for are those of an undisturbed run."""
    other = [name for name in line.final if (folder / name).read_bytes() != (finished / name).read_bytes()]
    assert not other, f"not the bytes of an undisturbed run: {other}"


def check_clean(folder: Path) -> None:
    """
    Check that no process, mount, lock, control group, scratch folder or temporary file of a run is left.

    Groups are those of all runs of the machine: one that another test has just killed is removed by the next sandbox.
    """
    assert leftovers(folder) == []
    left = processes_of(folder)
    assert not left, f"processes are left: {left}"
    locked = [path.name for path in (folder / ".snakemake" / "locks").glob("*")]
    assert not locked, f"Snakemake's locks are left: {locked}"
    wait_for(lambda: not dead_groups(), poll_s=1)


def finished_entries(stores: Sequence[Path]) -> Entries:
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
