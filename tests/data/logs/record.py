"""
Record the console logs of real vitest, jest and mocha for small suites, as the data of tests/unit/test_logs.py.

    PYTHONPATH=scripts:tests:tests/data/logs python tests/data/logs/record.py FOLDER_FOR_NODE_MODULES

Each version is installed by npm into the folder, if it is not there. Recorded on Node 24. Beside each log stands the
truth of the same run: the states in the runner's own report. Host paths become /testbed; times stay, to be read over.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import suites_to_log

import recording
from tracesmith.runners import RUNNERS

HERE = Path(__file__).parent
VERSIONS = {
    "vitest": ["1.6.1", "3.2.4", "4.1.12"],
    "jest": ["27.5.1", "29.7.0", "30.2.0"],
    "mocha": ["8.4.0", "10.8.2", "11.8.0"],
}
BESIDE = {"vitest@1.6.1": ["vite@5.4.19"], "vitest@3.2.4": ["vite@7.3.2"], "vitest@4.1.12": ["vite@7.3.2"]}
COMMANDS = {"vitest": ["node_modules/.bin/vitest", "run"]}
REPORTERS = {
    "vitest": {"default": ["--reporter=default"], "verbose": ["--reporter=verbose"]},
    "jest": {"default": [], "verbose": ["--verbose"]},
    "mocha": {"spec": []},
}
SIMPLE = {"single", "green", "broken"}
COLOURS = {"": {"NO_COLOR": "1"}, ".colour": {"FORCE_COLOR": "1"}}


def installed(folder: Path, package: str) -> Path:
    """Return the node_modules with a package, after npm has put it there."""
    place = folder / package
    if not (place / "node_modules").exists():
        place.mkdir(parents=True)
        (place / "package.json").write_text("{}\n")
        command = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", package, *BESIDE.get(package, [])]
        subprocess.run(command, cwd=place, check=True)
    return place / "node_modules"


def call_of(runner: str, flags: list[str], report: Path, colour: Mapping[str, str]) -> list[str]:
    """Return the command with its console reporter and the report of the truth."""
    command = COMMANDS.get(runner, [f"node_modules/.bin/{runner}"])
    if runner == "vitest":
        return [*command, *flags, "--reporter=json", f"--outputFile.json={report}", "--no-file-parallelism"]
    if runner == "jest":
        return [*command, *flags, "--ci", "--json", f"--outputFile={report}", "--runInBand"]
    return [
        *command,
        "--no-parallel",
        f"--reporter={report}.cjs",
        "--color" if "FORCE_COLOR" in colour else "--no-color",
    ]


def record(
    runner: str, modules: Path, files: Mapping[str, str], flags: list[str], colour: Mapping[str, str]
) -> tuple[str, str]:
    """Run a runner on some files and return its console log and its report."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve() / "testbed"
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        (folder / "node_modules").symlink_to(modules.resolve())
        report = folder.parent / "report.json"
        reporter = RUNNERS[runner].reporter
        if reporter:
            (folder.parent / "report.json.cjs").write_text(reporter.read_text())
        variables = {"PATH": f"{recording.NODE}:{os.environ['PATH']}", "CI": "true", "TZ": "UTC", **colour}
        call = call_of(runner, flags, report, colour)
        done = subprocess.run(
            call, cwd=folder, env=variables, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, timeout=90
        )
        found = done.stdout.decode(), report.read_text() if report.exists() else ""
        places = {str(folder): "/testbed", str(modules.resolve()): "/modules", str(report.parent): ""}
    return moved(found[0], places), moved(found[1], places)


def moved(text: str, places: Mapping[str, str]) -> str:
    """Return a text without the places of this machine, absolute or relative."""
    for place, other in places.items():
        text = text.replace(place, other)
    return re.sub(r"(?:\.\./)+[\w./@-]*/node_modules", "/modules", text)


def without_json(log: str) -> str:
    """Return what jest printed before the report that it also prints."""
    return re.sub(r'(?m)^\{"num.*\n?|^Test results written to: .*\n?', "", log)


def truth(runner: str, report: str) -> dict[str, object]:
    """Return the states and the broken files of a report, whatever the exit code was."""
    for code in range(256):
        reading = RUNNERS[runner].read(report.encode(), code)
        if reading is not None:
            return {"tests": reading.tests, "broken": sorted(reading.broken)}
    return {"tests": {}, "broken": []}


def record_version(runner: str, version: str, modules: Path) -> None:
    """Record each suite with each reporter, with and without colours; the simple ones once."""
    place = HERE / runner / version
    place.mkdir(parents=True, exist_ok=True)
    for old in place.iterdir():
        old.unlink()
    ways = list(product(REPORTERS[runner].items(), COLOURS.items()))
    for name, files in suites_to_log.SUITES[runner].items():
        for (reporter, flags), (ending, colour) in ways[:1] if name in SIMPLE else ways:
            log, report = record(runner, modules, files, flags, colour)
            path = f"{name}.{reporter}{ending}"
            (place / f"{path}.log").write_text(without_json(log))
            (place / f"{path}.json").write_text(json.dumps(truth(runner, report), indent=1) + "\n")


if __name__ == "__main__":
    for each, versions in VERSIONS.items():
        for number in versions:
            record_version(each, number, installed(Path(sys.argv[1]), f"{each}@{number}"))
