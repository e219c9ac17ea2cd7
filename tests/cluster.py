"""Run the workflow on the Slurm of tests/integration/slurm.sh."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import workflows

PROFILE = workflows.ROOT / "profiles" / "slurm" / "config.yaml"
SCRIPT = workflows.ROOT / "tests" / "integration" / "slurm.sh"
SHOWN = ("%i", "%T", "%P", "%N", "%m", "%C", "%b", "%k")


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


def site_profile(folder: Path) -> Path:
    """Write profiles/slurm for a cluster that wants all of its examples, and return its folder."""
    text = re.sub(r"^( *)#(?=[a-z])", r"\1", PROFILE.read_text(), flags=re.M)
    (folder / "site").mkdir(exist_ok=True)
    (folder / "site" / "config.yaml").write_text(text)
    return folder / "site"


def command(folder: Path, *arguments: str) -> list[str]:
    """Return the command that runs the workflow on the cluster from a test's folder, targets first."""
    snakemake = [sys.executable, "-m", "snakemake", "--snakefile", str(workflows.ROOT / "Snakefile")]
    profile = ["--workflow-profile", str(site_profile(folder)), "--slurm-init-seconds-before-status-checks", "7"]
    return [*snakemake, *arguments, "--directory", str(folder), *profile, "--configfile", str(folder / "config.yaml")]


def start(folder: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Start the workflow on the cluster; what it says is added to out.log."""
    with (folder / "out.log").open("a") as log:
        return subprocess.Popen(
            command(folder, *arguments), stdout=log, stderr=log, text=True, env=workflows.environment(folder)
        )


def jobs(folder: Path) -> dict[str, Job]:
    """Return the jobs of a test's folder, those that ended too, by their rules and wildcards, as Slurm has them now."""
    squeue = ["squeue", "--noheader", "--states=all", f"--format={'|'.join(SHOWN)}|%Z", "--sort=i"]
    lines = subprocess.run(squeue, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = [line.split("|") for line in lines]
    found = [Job(*row[:-1]) for row in rows if row[-1] == str(folder)]
    return {job.number: job for job in found}


def running(folder: Path, rule: str) -> list[Job]:
    """Return the running jobs of a rule."""
    found = jobs(folder).values()
    return [job for job in found if job.state == "RUNNING" and job.comment.startswith(f"rule_{rule}_wildcards")]


def node(name: str) -> None:
    """Start a node again that was killed."""
    folder = Path(os.environ["SLURM_CONF"]).parent
    subprocess.run([SCRIPT, "node", folder, name], check=True)
