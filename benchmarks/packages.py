#!/usr/bin/env python3
"""
Bring up twelve real npm packages of four test runners, by their profiles and by `profile: auto`, and tell how it went.

    benchmarks/packages.py --backend bubblewrap --folder build/packages --output docs/results/packages.md

Each goes the way of a user: its environment with three reference runs, a few bugs, and their validation. What is done
stays done: the same command goes on where it was killed.
"""

import argparse
import json
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
PROFILES = ROOT / "configs" / "repos"
PACKAGES = (
    "css-what",
    "htmlparser2",
    "entities",
    "planck",
    "cheerio",
    "query-core",
    "tsconfig-paths",
    "minisearch",
    "keyvaluecache",
    "piscina",
    "wry-trie",
    "zod",
)
COLUMNS = ("package", "profile", "runner", "tests", "parsed", "passed", "flaky", "suite s", "bugs", "outcome")


@dataclass(frozen=True)
class Asked:
    """One way to bring up one package."""

    package: str
    automatic: bool
    backend: str
    bugs: int
    folder: Path

    @property
    def place(self) -> Path:
        """The folder of all that is made for it."""
        return self.folder / self.backend / ("auto" if self.automatic else "named") / self.package


class StepError(Exception):
    """A script ended with another code than 0; its text is what the script said last."""


def script(name: str, *arguments: str | Path) -> None:
    """Run a script of the pipeline. Raises StepError with its last line."""
    command = [sys.executable, ROOT / "scripts" / f"{name}.py", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("error: ")] or done.stderr.splitlines()
        raise StepError(said[-1].removeprefix("error: "))


def profile_of(asked: Asked) -> Path:
    """Return the profile: the one of this repository, or one that is made from the package alone."""
    named = PROFILES / f"{asked.package}.yaml"
    if not asked.automatic:
        return named
    source = re.findall(r"^source: (\S+)$", named.read_text(), re.MULTILINE)[0]
    made = asked.place / "profile.yaml"
    if not made.exists():
        script("make_profile", source, "--backend", asked.backend, "--output", made)
    return made


def validated(asked: Asked, profile: Path) -> str:
    """Return how many of a few bugs are valid, as `valid/tried`."""
    environment = asked.place / "environment.json"
    repo = json.loads(environment.read_text())["repo"]
    bugs, patches, report = (asked.place / name for name in ("bugs/procedural.json", "patches.json", "val/report.json"))
    made = ["--profile", profile, "--repo", repo, "--max-bugs", str(asked.bugs)]
    script("generate_bugs", asked.place / "source" / "tree", *made, "--output", bugs)
    script("collect_patches", bugs, "--repo", repo, "--output", patches)
    script("validate_bugs", patches, "--environment", environment, "--workers", "2", "--output", report)
    found = json.loads(report.read_text())["instances"]
    return f"{sum(one['verdict'] == 'valid' for one in found)}/{len(found)}"


def row(asked: Asked) -> dict[str, Any]:
    """Bring up one package and return its row of the table."""
    found: dict[str, Any] = {"package": asked.package, "profile": "auto" if asked.automatic else "named"}
    try:
        profile = profile_of(asked)
        output = asked.place / "environment.json"
        script("build_environment", profile, "--backend", asked.backend, "--output", output)
        gate = json.loads(output.read_text())["gate"]
        found |= {"bugs": validated(asked, profile), "outcome": "ready"}
    except StepError as error:
        return {**found, "outcome": str(error)[:300]}
    runner = json.loads(output.read_text())["test"]["runner"]
    return {**found, "runner": runner, **gate_columns(gate), "suite s": seconds(output.parent)}


def gate_columns(gate: dict[str, Any]) -> dict[str, Any]:
    """Return what the reference runs said."""
    judged = gate["passed"] + gate["failed"] + len(gate["flaky"])
    return {
        "tests": gate["tests"],
        "parsed": f"{gate['files'] - gate['broken_files']}/{gate['files']}",
        "passed": f"{gate['passed']}/{judged}",
        "flaky": len(gate["flaky"]),
    }


def seconds(folder: Path) -> str:
    """Return the seconds of the plain reference run."""
    return f"{json.loads((folder / 'reference' / '1' / 'reference.json').read_text())['seconds']:.1f}"


def table(rows: list[dict[str, Any]], backend: str, began: float) -> str:
    """Return the page, in Markdown."""
    lines = [
        f"# Twelve packages in {backend}",
        "",
        f"Made by `make packages BACKEND={backend}` in {(time.monotonic() - began) / 60:.0f} minutes.",
        "",
        f"| {' | '.join(COLUMNS)} |",
        f"|{'---|' * len(COLUMNS)}",
        *(f"| {' | '.join(str(one.get(name, '')) for name in COLUMNS)} |" for one in rows),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Bring up every package both ways and write the table as it grows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "packages", nargs="*", default=PACKAGES, help="profiles in configs/repos/ (default: all twelve)"
    )
    parser.add_argument("--backend", choices=["docker", "bubblewrap"], default="bubblewrap")
    parser.add_argument("--bugs", type=int, default=4, help="bugs to validate in each (default: %(default)s)")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "packages")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "packages.md")
    args = parser.parse_args()
    began, rows = time.monotonic(), []
    args.output.parent.mkdir(parents=True, exist_ok=True)
    for name in args.packages:
        for automatic in (False, True):
            rows.append(row(Asked(name, automatic, args.backend, args.bugs, args.folder.resolve())))
            args.output.write_text(table(rows, args.backend, began))
            sys.stdout.write(" | ".join(f"{key} {value}" for key, value in rows[-1].items()) + "\n")
            sys.stdout.flush()
    failed = [one for one in rows if one["outcome"] != "ready"]
    sys.stdout.write(f"{len(rows) - len(failed)} of {len(rows)} ready; the table is in {args.output}\n")


if __name__ == "__main__":
    main()
