#!/usr/bin/env python3
"""
Send a job of the workflow to Kubernetes, as the profile beside this file has Snakemake do, and print its name.

    profiles/kubernetes/submit.py --rule validate_bugs --cpus 4 --memory-mb 9000 --minutes 720 --gpus 0 job.sh

With --print the manifest is shown and nothing is sent.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

TEMPLATE = Path(__file__).resolve().parent / "job.yaml"


def manifest(args: argparse.Namespace) -> dict[str, Any]:
    """Return job.yaml with what the job is called, runs and asks for."""
    job: dict[str, Any] = yaml.safe_load(TEMPLATE.read_text())
    job["metadata"]["generateName"] = f"tracesmith-{args.rule.replace('_', '-')}-"
    pod = job["spec"]["template"]["spec"]
    pod["activeDeadlineSeconds"] = args.minutes * 60  # the pod's, for the time that a job waits does not count
    container = pod["containers"][0]
    container["command"] = ["sh", str(args.script.absolute())]
    container["workingDir"] = str(Path.cwd())
    memory = f"{args.memory_mb}M"
    container["resources"] = {"requests": {"cpu": str(args.cpus), "memory": memory}, "limits": {"memory": memory}}
    if args.gpus:
        container["resources"]["limits"]["nvidia.com/gpu"] = str(args.gpus)
    return job


def main() -> None:
    """Send or show the manifest."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("script", type=Path, help="what Snakemake wants to be run, on the shared volume")
    parser.add_argument("--rule", required=True)
    for name in ("--cpus", "--memory-mb", "--minutes", "--gpus"):
        parser.add_argument(name, type=int, required=True)
    parser.add_argument("--print", action="store_true", dest="show")
    args = parser.parse_args()
    text = yaml.safe_dump(manifest(args), sort_keys=False)
    if args.show:
        sys.stdout.write(text)
        return
    command = ["kubectl", "create", "--filename", "-", "--output", "name"]
    sys.exit(subprocess.run(command, input=text, text=True, check=False).returncode)


if __name__ == "__main__":
    main()
