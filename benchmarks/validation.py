#!/usr/bin/env python3
"""
Measure what a candidate's verdict costs beside a bare run of the whole suite, and whether it is the same verdict.

    benchmarks/validation.py --package zod --candidates 200 --audit 40 --under src/v3 src/v4 --output zod.md

A seeded sample of a package's candidates is validated as the pipeline does it, with one worker, with everything in the
price: the coverage run, the sandboxes, what is run again. Some that are kept, of each folder, are then run the naive
way, the whole suite in a fresh sandbox, and the four lists of tests are compared. CPU seconds are those of all
processes that were started and of this one, by a control group. `--environment` takes a folder that is built already.
"""

import argparse
import functools
import json
import os
import random
import resource
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from packages import PROFILES, ROOT, script

sys.path.insert(0, str(ROOT / "scripts"))

from tracesmith import prepared, records, references, scratch, suites
from tracesmith.prepared import Environment
from tracesmith.records import Candidate
from tracesmith.selection import choosing, coverage
from tracesmith.validation import confirming, running, verdicts, warming
from tracesmith.validation.kept import Kept

Result = TypeVar("Result")
CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Verdict:
    """One candidate's verdict and its price."""

    name: str
    report: dict[str, Any]
    how: dict[str, Any]
    cpu_s: float

    @property
    def lists(self) -> tuple[str, list[list[str]]]:
        """What has to be equal: the verdict and the four lists."""
        return self.report["tracesmith"]["verdict"], [self.report.get(key, []) for key in records.TEST_LISTS]


@dataclass(frozen=True)
class Measured:
    """One package."""

    package: str
    bare_s: float
    coverage_s: float
    """With the pristine runs of the warm runner."""
    fast: list[Verdict]
    naive: list[Verdict]
    confirmed: int
    """How many of the kept ones were confirmed."""
    confirm_s: float
    """CPU seconds of all those, with their decoys."""


class Meter:
    """CPU seconds of this process and of all that it starts, by a control group: a sandbox's own are not waited for."""

    def __init__(self) -> None:
        self.one, self.two = CGROUPS / "cpuacct", CGROUPS / "tracesmith" / "cpu.stat"
        if self.one.is_dir():
            self.one /= f"tracesmith-benchmark-{os.getpid()}"
            self.one.mkdir()
            (self.one / "cgroup.procs").write_text(str(os.getpid()))

    def read(self) -> float:
        """Return the seconds so far; with version 2 the sandboxes have a group and this process is added."""
        if self.one.is_dir():
            return int((self.one / "cpuacct.usage").read_text()) / 1e9
        used = resource.getrusage(resource.RUSAGE_SELF)
        return int(self.two.read_text().split()[1]) / 1e6 + used.ru_utime + used.ru_stime


@functools.cache
def meter() -> Meter:
    """Return the one meter of this process."""
    return Meter()


def priced(work: Callable[[], Result]) -> tuple[Result, float]:
    """Return a result and the CPU seconds it took."""
    before = meter().read()
    return work(), meter().read() - before


def profile_of(package: str) -> Path:
    """Return the profile of a name, or the file itself."""
    return Path(package) if package.endswith(".yaml") else PROFILES / f"{package}.yaml"


@dataclass(frozen=True)
class Ready:
    """What validates a package's candidates, and the price of getting there."""

    runner: running.Runner
    warm: warming.Warm
    cpu_s: float
    """Of the coverage run and the pristine runs of the warm runner."""


def candidates_of(folder: Path, package: str, count: int, seed: int, within: Sequence[str] = ("",)) -> list[Candidate]:
    """Return a seeded sample of the package's candidates by all operators, or of those in some files or folders."""
    patches = folder / "patches.json"
    if not patches.exists():
        repo = prepared.read(folder / "environment.json").repo
        bugs = folder / "bugs" / "procedural.json"
        args = ["--repo", repo, "--profile", profile_of(package), "--output", bugs]
        script("generate_bugs", folder / "source" / "tree", *args)
        script("collect_patches", bugs, "--repo", repo, "--output", patches)
    heads = [f"diff --git a/{place}" for place in within]
    listed = [one for one in records.read_candidates(patches) if any(head in one["patch"] for head in heads)]
    return random.Random(seed).sample(listed, min(count, len(listed)))  # noqa: S311 - a sample, no secret


def prepare(folder: Path) -> Ready:
    """Measure coverage and the warm runner of an environment that is built."""
    path, environment = folder / "environment.json", prepared.read(folder / "environment.json")
    reference, backend = references.read(folder, environment), prepared.open_backend(path, environment)
    known, coverage_s = priced(lambda: coverage.measure(folder, environment, reference))
    source = folder / environment.source
    runner = running.Runner(environment, backend, source, reference, known, environment.timeout_s)
    warm, warm_s = priced(lambda: warming.measure(runner))
    say(f"coverage {coverage_s:.1f} CPU s ({known.doubt or 'trusted'}); pristine warm runs {warm_s:.1f} CPU s ({warm})")
    return Ready(runner, warm, coverage_s + warm_s)


def validate(runner: running.Runner, warm: warming.Warm, listed: Sequence[Candidate]) -> list[Verdict]:
    """
    Return the verdicts of some candidates.

    What a warm runner used is divided among its candidates by the usual time of their test files; clean runs are added.
    """
    verdicts_of = []
    for group in warming.groups(listed, warm, 1, len(listed)):
        chosen = {one["instance_id"]: runner.select(one["patch"], one["instance_id"]) for one in group}
        said, used = priced(functools.partial(warming.run, runner, warm, chosen))
        usual = {name: runner.usual_s(selection.files) for name, selection in chosen.items()}
        for one in group:
            selection = chosen[one["instance_id"]]
            share = used * usual[one["instance_id"]] / sum(usual.values())
            verdicts_of.append(validate_one(runner, one, selection, said.get(one["instance_id"]), share))
    return verdicts_of


def validate_one(
    runner: running.Runner,
    candidate: Candidate,
    chosen: choosing.Selection,
    warm: running.Found | None,
    share: float,
) -> Verdict:
    """Return the verdict of one candidate, from the warm runner or from a clean run."""
    name, patch = candidate["instance_id"], candidate["patch"]
    found, used = (warm, 0.0) if warm else priced(lambda: runner.run(patch, chosen))
    used += share
    report = verdicts.judge(runner.reference.stable, found.suite, found.timeout_s)
    how = f"{found.how['way']}, {len(found.how['files'])} files" if "files" in found.how else found.how["why"]
    say(f"{name}: {report['tracesmith']['verdict']}, {used:.2f} CPU s, {how}")
    return Verdict(name, report, found.how, used)


def confirm_all(path: Path, environment: Environment, listed: Sequence[Candidate], seen: dict[str, Any]) -> None:
    """Confirm kept candidates as the pipeline does it, with decoys, into a store that is thrown away."""
    with scratch.folder() as folder:
        settings = confirming.ConfirmSettings(2, environment.timeout_s, decoys=4)
        job = confirming._job(path, environment, settings, folder / "confirmation.json")
        group = [Kept(one, path, path) for one in listed]
        entries = confirming._confirmed_group(job, group, seen)
        verdicts_of = [entry["tracesmith"]["verdict"] if entry else "none" for entry in entries]
        say(", ".join(f"{verdicts_of.count(verdict)} {verdict}" for verdict in sorted(set(verdicts_of))))


def measure(folder: Path, package: str, asked: argparse.Namespace) -> Measured:
    """Measure one package whose environment is built."""
    environment, path = prepared.read(folder / "environment.json"), folder / "environment.json"
    backend = prepared.open_backend(path, environment)
    listed = candidates_of(folder, package, asked.candidates, asked.seed, asked.within)

    def bare() -> suites.SuiteRun:
        with backend.open() as box:
            return suites.run(box, environment.test, environment.timeout_s)

    bare_s = [priced(bare)[1]]
    say(f"{package}: a bare run takes {bare_s[0]:.1f} CPU s")
    ready = prepare(folder)
    fast = validate(ready.runner, ready.warm, listed)
    bare_s += [priced(bare)[1] for _ in range(2)]
    say(f"{package}: bare runs take {', '.join(f'{one:.1f}' for one in bare_s)} CPU s")
    kept = [one for one, said in zip(listed, fast, strict=True) if said.lists[0] == verdicts.KEPT]
    folders = [[one for one in kept if f"diff --git a/{under}" in one["patch"]][: asked.audit] for under in asked.under]
    chosen = kept[: asked.confirm]
    seen = {one.name: one.report for one in fast}
    confirm_s = priced(lambda: confirm_all(path, environment, chosen, seen))[1] if chosen else 0.0
    say(f"{package}: confirming {len(chosen)} took {confirm_s:.1f} CPU s")
    plain = replace(ready.runner, coverage=None)
    naive = validate(plain, warming.Warm(doubt="naive"), [one for listed in folders for one in listed])
    return Measured(package, statistics.median(bare_s), ready.cpu_s, fast, naive, len(chosen), confirm_s)


def table(found: Measured, command: str) -> str:
    """Return the table of a package."""
    ratios = [one.cpu_s / found.bare_s for one in found.fast]
    mean = (sum(one.cpu_s for one in found.fast) + found.coverage_s) / found.bare_s / len(found.fast)
    kept = sum(one.lists[0] == verdicts.KEPT for one in found.fast)
    # Of the two pristine runs beside those of the bugs there is one pair for all.
    per_kept = found.confirm_s / found.bare_s / max(1, found.confirmed)
    end_to_end = mean + (kept * per_kept + 2) / len(found.fast)
    naive = [one.cpu_s / found.bare_s for one in found.naive]
    naive_of = {one.name: one for one in found.naive}
    pairs = [(one, naive_of[one.name]) for one in found.fast if one.name in naive_of]
    rows = {
        "bare run, median of 3, CPU s": f"{found.bare_s:.1f}",
        "coverage run, CPU s": f"{found.coverage_s:.1f}",
        "candidates": str(len(found.fast)),
        "mean of a bare run, with the coverage run": f"{mean:.3f}",
        "mean without it": f"{statistics.mean(ratios):.3f}",
        "median": f"{statistics.median(ratios):.3f}",
        "the naive way, mean": f"{statistics.mean(naive):.3f}" if naive else "-",
        "end to end with confirmation": f"{end_to_end:.3f}",
        "confirmed for that": str(found.confirmed),
        "warm": str(sum(one.how["way"] == "warm" for one in found.fast)),
        "whole suite": str(sum("files" not in one.how for one in found.fast)),
        "looping or hanging": str(sum(one.lists[0] == "timed_out" for one in found.fast)),
        "kept": str(kept),
        "audited": str(len(pairs)),
        "with the lists of the naive way": str(sum(one.lists == other.lists for one, other in pairs)),
    }
    lines = [f"## {found.package}", "", f"    {command}", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in rows.items()]
    wrong = [one.name for one, other in pairs if one.lists != other.lists]
    return "\n".join([*lines, *(f"\nDifferent: {name}" for name in wrong)]) + "\n"


def say(line: str) -> None:
    """Tell how far it is."""
    sys.stdout.write(f"{time.strftime('%H:%M:%S')} {line}\n")
    sys.stdout.flush()


def main() -> None:
    """Build what is missing, measure and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--package", default="zod", help="one of configs/repos, or a profile of your own")
    parser.add_argument("--candidates", type=int, default=200)
    parser.add_argument("--audit", type=int, default=40, help="kept candidates of each folder that run the naive way")
    parser.add_argument("--confirm", type=int, default=16, help="kept candidates to confirm")
    parser.add_argument("--under", nargs="+", default=[""], help="folders of the sources to audit apart")
    parser.add_argument("--within", nargs="+", default=[""], help="files or folders that all candidates are of")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--environment", type=Path, required=True, help="folder of the environment; built if missing")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    if not (args.environment / "environment.json").exists():
        profile, path = profile_of(args.package), args.environment / "environment.json"
        script("build_environment", profile, "--backend", "bubblewrap", "--reference-runs", "2", "--output", path)
    found = measure(args.environment, args.package, args)
    asked = {"candidates": args.candidates, "audit": args.audit, "confirm": args.confirm, "seed": args.seed}
    flags = " ".join([f"--package {args.package}", *(f"--{name} {value}" for name, value in asked.items())])
    flags += f" --within {' '.join(args.within)}" if any(args.within) else ""
    flags += f" --under {' '.join(args.under)}" if any(args.under) else ""
    text = table(found, f"benchmarks/validation.py {flags} --environment FOLDER --output FILE")
    args.output.write_text(text)
    raw = [{"name": one.name, "cpu_s": one.cpu_s, "how": one.how, "lists": one.lists} for one in found.fast]
    args.output.with_suffix(".json").write_text(json.dumps(raw, indent=1))
    sys.stdout.write(text)


if __name__ == "__main__":
    main()
