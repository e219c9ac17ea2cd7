#!/usr/bin/env python3
"""
Measure for each procedural operator how many of its bugs are valid, on three real packages, and what the screens drop.

    benchmarks/bug_yield.py --per-operator 6 --output docs/results/bug_yield.md

Each package goes the way of a user: environment, bugs, both screens, and the test suite with each bug that is left. The
suite then runs with the dropped ones too, to tell what the screens cost and save. What is done stays done: the same
command goes on where it was killed.
"""

import argparse
import json
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packages import PROFILES, ROOT, script

PACKAGES = ("css-what", "htmlparser2", "entities")
SCREENS = {"javascript": "same JavaScript", "types": "does not compile"}
COUNTED = ("candidates", *SCREENS.values(), "validated", "valid", "of validated", "of candidates")
FEWEST = 3
"""Candidates that an operator needs to count in the spread: the share of one or two says little."""


@dataclass(frozen=True)
class Bug:
    """One candidate, the screen that drops it, and what the tests say of it."""

    package: str
    operator: str
    screen: str | None
    verdict: str

    @property
    def valid(self) -> bool:
        """Whether the tests see it."""
        return self.verdict == "valid"


@dataclass(frozen=True)
class Measured:
    """One package."""

    name: str
    bugs: list[Bug]
    seconds: dict[str, float | None]
    """Wall time of each step, by its name; None where it took more than one go."""
    errors: int | None
    """Errors that TypeScript finds in the pristine tree; None where it has no files to look at."""


def read(path: Path) -> Any:
    """Return the value of a JSON file."""
    return json.loads(path.read_text())


class Place:
    """The folder of one package, where a step that was done is not done again."""

    def __init__(self, folder: Path, package: str, per_operator: int) -> None:
        self.package = package
        self.per_operator = per_operator
        self.folder = folder / package
        self.folder.mkdir(parents=True, exist_ok=True)
        self.environment = self.folder / "environment.json"
        self.patches = self.folder / f"patches_{per_operator}.json"
        self._clock = self.folder / f"seconds_{per_operator}.json"
        self.seconds: dict[str, float | None] = {}

    def step(self, name: str, script_name: str, *arguments: str | Path) -> None:
        """Run a script unless it ran to its end before, and note its wall time."""
        clock = read(self._clock) if self._clock.exists() else {"begun": [], "seconds": {}}
        if name not in clock["seconds"]:
            again = name in clock["begun"]
            clock["begun"].append(name)
            self._clock.write_text(json.dumps(clock))
            sys.stdout.write(f"{time.strftime('%H:%M:%S')} {self.package}: {name}\n")
            sys.stdout.flush()
            began = time.monotonic()
            script(script_name, *arguments)
            clock["seconds"][name] = None if again else round(time.monotonic() - began, 3)
            self._clock.write_text(json.dumps(clock))
        self.seconds = clock["seconds"]

    def output(self, name: str) -> Path:
        """Return the path of a list of candidates."""
        return self.folder / f"{name}_{self.per_operator}.json"

    def make_bugs(self) -> None:
        """Build the environment and collect the candidates."""
        profile = PROFILES / f"{self.package}.yaml"
        self.step("build", "build_environment", profile, "--backend", "bubblewrap", "--output", self.environment)
        repo, bugs = read(self.environment)["repo"], self.folder / f"bugs_{self.per_operator}" / "procedural.json"
        flags: list[str | Path] = ["--repo", repo, "--profile", profile]
        flags += ["--per-operator", str(self.per_operator), "--output", bugs]
        self.step("generate", "generate_bugs", self.folder / "source" / "tree", *flags)
        self.step("collect", "collect_patches", bugs, "--repo", repo, "--output", self.patches)

    def screen(self) -> None:
        """Apply the screens one after the other."""
        before = self.patches
        for name in SCREENS:
            flags: list[str | Path] = [
                "--environment",
                self.environment,
                "--screens",
                name,
                "--output",
                self.output(name),
            ]
            self.step(name, "screen_bugs", before, *flags)
            before = self.output(name)

    def validate(self) -> None:
        """Run the suite with each candidate that is left, then with those that were dropped."""
        left = [one["instance_id"] for one in read(self.output("types"))]
        dropped = [one for one in read(self.patches) if one["instance_id"] not in left]
        self.output("dropped").write_text(json.dumps(dropped))
        flags: list[str | Path] = ["--environment", self.environment, "--workers", "2", "--output"]
        self.step("validate", "validate_bugs", self.output("types"), *flags, self.report("left"))
        if dropped:
            self.step("validate the dropped", "validate_bugs", self.output("dropped"), *flags, self.report("dropped"))

    def report(self, which: str) -> Path:
        """Return the report of a validation."""
        return self.folder / "validation" / f"{which}_{self.per_operator}.json"

    def bugs(self) -> Iterator[Bug]:
        """Yield what became of each candidate."""
        verdicts: dict[str, str] = {}
        for path in (self.report("left"), self.report("dropped")):
            if path.exists():
                verdicts |= {row["instance_id"]: row["verdict"] for row in read(path)["instances"]}
        passed = {name: {one["instance_id"] for one in read(self.output(name))} for name in SCREENS}
        for one in read(self.patches):
            name = one["instance_id"]
            screen = next((screen for screen in SCREENS if name not in passed[screen]), None)
            yield Bug(self.package, one["strategy"], screen, verdicts[name])

    def measure(self) -> Measured:
        """Do all that is not done yet and return what it says."""
        self.make_bugs()
        self.screen()
        self.validate()
        meta = read(self.output("types").with_name(f"{self.output('types').name}.meta.json"))
        return Measured(self.package, list(self.bugs()), self.seconds, meta["errors"])


def share(part: int, whole: int) -> str:
    """Return a share in percent."""
    return f"{100 * part / whole:.0f} %" if whole else ""


def milliseconds(seconds: float | None, count: int) -> str:
    """Return the time of one of many; a step that was killed and begun again has none."""
    return "" if seconds is None or not count else f"{1000 * seconds / count:.0f}"


def counts(bugs: list[Bug]) -> list[Any]:
    """Return candidates, dropped by each screen, validated, valid, and the two shares."""
    left = [bug for bug in bugs if bug.screen is None]
    valid = sum(bug.valid for bug in left)
    by_screen = [sum(bug.screen == name for bug in bugs) for name in SCREENS]
    return [len(bugs), *by_screen, len(left), valid, share(valid, len(left)), share(valid, len(bugs))]


def markdown(head: list[str], rows: list[list[Any]]) -> list[str]:
    """Return a table."""
    lines = [head, ["---"] * len(head), *rows]
    return [f"| {' | '.join(map(str, line))} |" for line in lines]


def operator_table(operators: list[str], packages: list[Measured]) -> list[str]:
    """Return the table of the operators that had a place in one of the packages."""
    bugs = [bug for package in packages for bug in package.bugs]
    rows = []
    for operator in operators:
        mine = [bug for bug in bugs if bug.operator == operator]
        if mine:
            left = [[bug.valid for bug in mine if bug.package == one.name and not bug.screen] for one in packages]
            rows.append([f"`{operator}`", *counts(mine), *(f"{sum(one)}/{len(one)}" if one else "" for one in left)])
    return markdown(["operator", *COUNTED, *(package.name for package in packages)], rows)


def package_table(packages: list[Measured]) -> list[str]:
    """Return the totals of each package and of all."""
    rows = [[package.name, *counts(package.bugs)] for package in packages]
    rows.append(["all", *counts([bug for package in packages for bug in package.bugs])])
    return markdown(["package", *COUNTED], rows)


def screen_table(packages: list[Measured]) -> list[str]:
    """Return what the screens cost a candidate, beside a run of the suite, and how many valid bugs they drop."""
    rows = []
    for package in packages:
        asked, times = len(package.bugs), []
        errors = "does not look" if package.errors is None else package.errors
        for name in SCREENS:
            times.append(milliseconds(package.seconds[name], asked))
            asked -= sum(bug.screen == name for bug in package.bugs)
        suite = milliseconds(package.seconds["validate"], asked)
        lost = [[bug.valid for bug in package.bugs if bug.screen == name] for name in SCREENS]
        rows.append([package.name, errors, *times, suite, *(f"{sum(one)}/{len(one)}" for one in lost)])
    head = [f"valid among `{name}`" for name in SCREENS.values()]
    return markdown(["package", "errors", *(f"{name}, ms" for name in SCREENS), "validation, ms", *head], rows)


def spread(packages: list[Measured]) -> str:
    """Return the spread of the operators' shares."""
    found: dict[str, list[bool]] = {}
    for bug in (bug for package in packages for bug in package.bugs if bug.screen is None):
        found.setdefault(bug.operator, []).append(bug.valid)
    often = {operator: sum(one) / len(one) for operator, one in found.items() if len(one) >= FEWEST}
    shares = sorted(often.values())
    if len(shares) < 2:
        return f"No two operators had {FEWEST} validated candidates."
    never = ", ".join(f"`{operator}`" for operator, one in often.items() if not one) or "none"
    cuts = ", ".join(f"{100 * cut:.0f} %" for cut in statistics.quantiles(shares, n=4, method="inclusive"))
    return (
        f"Of the {len(shares)} operators with {FEWEST} validated candidates or more, the share of valid ones goes from "
        f"{100 * shares[0]:.0f} % to {100 * shares[-1]:.0f} %, with quartiles at {cuts}. Without a valid one: {never}. "
        f"With nothing else: {shares.count(1)} operators."
    )


def page(packages: list[Measured], per_operator: int) -> str:
    """Return the page, in Markdown."""
    lines = (ROOT / "docs" / "operators.md").read_text().splitlines()
    operators = [line.split("`")[1] for line in lines if line.startswith("| `func_pm_")]
    met = {bug.operator for package in packages for bug in package.bugs}
    without = [f"`{operator}`" for operator in operators if operator not in met]
    verdicts = Counter(bug.verdict for package in packages for bug in package.bugs if bug.screen is None)
    minutes = sum(took or 0 for package in packages for took in package.seconds.values()) / 60
    text = [
        "# Valid bugs by operator",
        "",
        f"Made by `benchmarks/bug_yield.py --per-operator {per_operator}` in {minutes:.0f} minutes on "
        f"{os.cpu_count()} cores, with bubblewrap and two sandboxes at once.",
        "A candidate is valid when at least one test fails with it and at least one passes. One that the first screen",
        "drops is not seen by the second.",
        "",
        *package_table(packages),
        "",
        f"Verdicts of the validated: {', '.join(f'{count} `{one}`' for one, count in verdicts.most_common())}.",
        spread(packages),
        "",
        "## What the screens cost and drop",
        "",
        "Wall time of a candidate that is looked at, the start of a sandbox and of TypeScript included; of validation",
        "with two sandboxes at once. `errors` are in the pristine tree: with any, the types screen drops nothing;",
        "where no tsconfig.json names a file it does not look. The last columns say how many of the dropped candidates",
        "the tests would have seen.",
        "",
        *screen_table(packages),
        "",
        "## Operators",
        "",
        f"{len(operators) - len(without)} of {len(operators)} operators found a place. The last columns are "
        "valid/validated.",
        "",
        *operator_table(operators, packages),
        "",
        f"Without a place in these packages: {', '.join(without)}.",
    ]
    return "\n".join(text) + "\n"


def main() -> None:
    """Measure package by package and write the page as it grows."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "packages", nargs="*", default=PACKAGES, help="profiles in configs/repos/ (default: %(default)s)"
    )
    parser.add_argument("--per-operator", type=int, default=6, help="candidates of one operator in a package, at most")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "bug_yield")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "results" / "bug_yield.md")
    args = parser.parse_args()
    measured = []
    for name in args.packages:
        place = Place(args.folder.resolve(), name, args.per_operator)
        measured.append(place.measure())
        args.output.write_text(page(measured, args.per_operator))
    sys.stdout.write(f"the page is {args.output}\n")


if __name__ == "__main__":
    main()
