"""The files that are kept of one run of a suite on a patched tree, under the names of SWE-smith's harness."""

import shlex
from pathlib import Path
from typing import Any

from tracesmith import files, patches, suites
from tracesmith.prepared import TestSettings
from tracesmith.suites import SuiteRun

REPORT = "/tmp/report.json"  # noqa: S108 - a path inside the sandbox


def write(folder: Path, patch: str | None, report: dict[str, Any], suite: SuiteRun | None, said: str) -> None:
    """Write patch, verdict, console output and a log line of a run; without a suite none was run."""
    (folder / "patch.diff").write_bytes(patches.to_bytes(patch) if patch else b"")
    (folder / "report.json").write_bytes(files.json_bytes(report))
    output = suite.output if suite else ""
    (folder / "test_output.txt").write_text(output, encoding="utf-8", errors="replace")
    seconds = f"{suite.seconds:.1f} s" if suite else "not run"
    (folder / "run_instance.log").write_text(f"{said}, {seconds}\n")


def write_script(folder: Path, settings: TestSettings) -> None:
    """Write the script that does by hand, in the sandbox, what the run did."""
    call = suites.invocation(settings, REPORT)
    variables = "".join(f"export {key}={shlex.quote(value)}\n" for key, value in call.environment.items())
    head = f"#!/bin/bash\nset -uxo pipefail\ncd /testbed\n{variables}{_write_reporter(settings)}"
    (folder / "eval.sh").write_text(f"{head}{shlex.join(call.command)}\n")


def _write_reporter(settings: TestSettings) -> str:
    """Return the lines of a script that put our reporter in place, if the runner needs one."""
    ours = suites.reporter(settings, REPORT)
    return f"rm -f {REPORT}\ncat >{ours[0]} <<'TRACESMITH'\n{ours[1].decode()}TRACESMITH\n" if ours else ""
