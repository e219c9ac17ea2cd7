"""
Talk to the driver of a warm runner in a sandbox: jobs as JSON on its stdin, a tar of reports from its folder.

A job has up to three files there: `<number>.together.json` and `<number>.alone.json`, the runner's own reports, with
what it said beside them (`.txt`), and `<number>.end`, written when nothing was left behind: empty, or `looped`.
"""

import base64
import io
import json
import secrets
import tarfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tracesmith import suites
from tracesmith.prepared import TestSettings
from tracesmith.runners import RUNNERS
from tracesmith.sandboxes import base
from tracesmith.sandboxes.base import TESTBED, Completed, Sandbox
from tracesmith.selection import choosing
from tracesmith.suites import SuiteRun

FIRST, LAST = "first", "last"
"""The numbers of the canary's runs."""
END = "end"
LOOPED = "looped"


@dataclass(frozen=True)
class Job:
    """What the driver does for one candidate; paths are relative to the repository."""

    number: str
    together: Sequence[str] = ()
    """Test files that share a process."""
    alone: Sequence[str] = ()
    """Test files that get a process each."""
    changes: Mapping[str, bytes] = field(default_factory=dict)
    """Files as they are with the candidate."""
    cpu_s: float = 60.0
    """Most CPU seconds of one test file: more is a loop."""
    timeout_s: float = 60.0
    """Most seconds of all: then the driver ends."""

    def as_json(self) -> dict[str, object]:
        """Return what the driver reads."""
        return {
            "number": self.number,
            "together": [f"{TESTBED}/{path}" for path in self.together],
            "alone": [f"{TESTBED}/{path}" for path in self.alone],
            "changes": [
                (f"{TESTBED}/{path}", base64.b64encode(data).decode()) for path, data in sorted(self.changes.items())
            ],
            "cpu_ms": int(1000 * self.cpu_s),
            "timeout_ms": int(1000 * self.timeout_s),
        }


def drive(
    box: Sandbox, test: TestSettings, jobs: Sequence[Job], timeout_s: float
) -> tuple[Completed, dict[str, SuiteRun]]:
    """
    Run jobs, the canary's first; return how the driver ended and the runs by their names in its folder.

    `<number>.end` is the run of a job that came to its end.
    """
    driver = RUNNERS[test.runner].driver
    assert driver  # noqa: S101 - the caller looked
    folder = f"/tmp/tracesmith-warm.{secrets.token_hex(8)}"  # noqa: S108 - a path inside the sandbox
    programs = f"{folder}.programs"
    for file in [driver.program, *driver.helpers]:
        base.write_file(box, f"{programs}/{file.name}", file.read_bytes())
    base.must(box, ["mkdir", folder])
    program = ["node", f"{programs}/{driver.program.name}", folder]
    command = ["env", "--chdir", test.folder, *program, *test.command[1:], *driver.flags]
    stdin = json.dumps([job.as_json() for job in jobs]).encode()
    done = box.run(command, timeout_s=timeout_s, stdin=stdin, environment=test.environment)
    packed = box.run(["tar", "-cf", "-", "-C", folder, "."], timeout_s=120)
    return done, _read(packed.output, test.runner) if packed.exit_code == 0 and not packed.killed else {}


def _read(data: bytes, runner: str) -> dict[str, SuiteRun]:
    texts = _unpack(data)
    found = {}
    for name, report in texts.items():
        stem, _, kind = name.rpartition(".")
        reading = RUNNERS[runner].read(report, 1) if kind == "json" else None
        if reading and f"{stem}.txt" in texts:
            found[stem] = suites.of_reading(reading, texts[f"{stem}.txt"].decode("utf-8", "replace"), 0.0)
    ends = {name: text.decode() for name, text in texts.items() if name.endswith(f".{END}")}
    return {**found, **{name: _joined(found, name.removesuffix(f".{END}"), how) for name, how in ends.items()}}


def _joined(found: Mapping[str, SuiteRun], number: str, how: str) -> SuiteRun:
    """Return a job's run: of a test file that ran twice, what it said in its own process."""
    together, alone = found.get(f"{number}.together"), found.get(f"{number}.alone")
    if how == LOOPED:
        return SuiteRun("timed_out", output="a test file is in a loop\n")
    if not together or not alone:
        return together or alone or SuiteRun("no_report")
    again = {suites.test_file(test) for test in alone.tests} | set(alone.broken_files)
    joined = choosing.merge(together, alone, again)
    complaints = {**together.complaints, **alone.complaints}
    return replace(joined, output=together.output + alone.output, complaints=complaints)


def _unpack(data: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        members = {member.name.removeprefix("./"): member for member in tar if member.isfile()}
        return {name: tar.extractfile(member).read() for name, member in members.items()}  # type: ignore[union-attr]
