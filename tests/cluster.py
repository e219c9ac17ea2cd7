"""Run the workflow on the Slurm of tests/integration/slurm.sh."""

import os
import re
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

import daemons
import workflows

PROFILE = workflows.ROOT / "profiles" / "slurm" / "config.yaml"
SHOWN = ("%i", "%T", "%P", "%N", "%m", "%C", "%b", "%k")
ALIVE = ("PENDING", "CONFIGURING", "RUNNING", "COMPLETING")


@dataclass(frozen=True)
class Job:
    """A job as squeue shows it."""

    number: str
    state: str
    partition: str
    node: str
    memory: str
    cpus: str
    gres: str
    comment: str

    def has_ended(self) -> bool:
        """Tell whether nothing of the job runs or is to run."""
        return self.state not in ALIVE


def site_profile(folder: Path) -> Path:
    """Write profiles/slurm for a cluster that wants all of its examples and is asked soon, and return its folder."""
    text = re.sub(r"^( *)#(?=[a-z])", r"\1", PROFILE.read_text(), flags=re.M)
    text += "slurm-init-seconds-before-status-checks: 7\n"
    (folder / "site").mkdir(exist_ok=True)
    (folder / "site" / "config.yaml").write_text(text)
    return folder / "site"


def command(folder: Path, *arguments: str) -> list[str]:
    """Return the command that runs the workflow on the cluster from a test's folder, targets first."""
    snakemake = [sys.executable, "-m", "snakemake", "--snakefile", str(workflows.ROOT / "Snakefile")]
    profile = ["--workflow-profile", str(site_profile(folder))]
    return [*snakemake, *arguments, "--directory", str(folder), *profile, "--configfile", str(folder / "config.yaml")]


def start(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Start the workflow on the cluster; what it says is added to out.log."""
    with (folder / "out.log").open("a") as log:
        return subprocess.Popen(
            command(folder, *arguments), stdout=log, stderr=log, text=True, env=workflows.environment(folder)
        )


def start_by_hand(folder: Path, line: str) -> "subprocess.Popen[str]":
    """Start a command of a shell in a test's folder, with the test's own Python; what it says is added to out.log."""
    with (folder / "out.log").open("a") as log:
        return subprocess.Popen(
            ["bash", "-c", f"exec {line}"],
            cwd=folder,
            stdout=log,
            stderr=log,
            text=True,
            env=workflows.by_hand(folder),
        )


def jobs(folder: Path) -> dict[str, Job]:
    """Return the jobs of a test's folder, those that ended too, by their numbers."""
    squeue = ["squeue", "--noheader", "--states=all", f"--format={'|'.join(SHOWN)}|%Z", "--sort=i"]
    lines = subprocess.run(squeue, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = [line.split("|") for line in lines]
    found = [Job(*row[:-1]) for row in rows if row[-1] == str(folder)]
    return {job.number: job for job in found}


def running(folder: Path, rule: str) -> list[Job]:
    """Return the running jobs of a rule, ordered by their wildcards."""
    found = [job for job in jobs(folder).values() if job.comment.startswith(f"rule_{rule}_wildcards")]
    return sorted((job for job in found if job.state == "RUNNING"), key=lambda job: job.comment)


def node(name: str) -> None:
    """Start a node again that was killed."""
    folder = Path(os.environ["SLURM_CONF"]).parent
    daemons.call("slurm.sh", "node", folder, name)


def kill_node(name: str) -> None:
    """Kill a node's daemon; jobs there go on, unseen, as on a machine that is cut off."""
    pid = Path(os.environ["SLURM_CONF"]).with_name(f"slurmd-{name}.pid")
    os.kill(int(pid.read_text()), signal.SIGKILL)


def end_all(folder: Path) -> None:
    """End what a failed test left: its Snakemake, which would submit more, and its jobs."""
    for process in psutil.process_iter(["cmdline"]):
        words = process.info["cmdline"] or []
        if "snakemake" in words and str(folder) in words:
            process.kill()
    end_jobs(folder)


def end_jobs(folder: Path) -> None:
    """Cancel what a test left in the queue, and wait until nothing of it runs."""
    if left := [job.number for job in jobs(folder).values() if not job.has_ended()]:
        subprocess.run(["scancel", *left], check=True)
    workflows.wait_for(lambda: all(job.has_ended() for job in jobs(folder).values()))


def shards(folder: Path, script: str) -> list[psutil.Process]:
    """Return the processes of a script that do a shard of a stage in a test's folder, the first shard's first."""
    found = []
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = process.info["cmdline"] or []
        is_script = len(words) > 2 and words[1].endswith(f"/{script}.py")
        if is_script and "--shard" in words and process.info["cwd"] == str(folder):
            found.append((words[words.index("--shard") + 1], process))
    return [process for _, process in sorted(found, key=lambda one: one[0])]
