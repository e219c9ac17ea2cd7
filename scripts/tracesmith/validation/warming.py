"""
Run candidates one after the other in one warm runner: one sandbox, one server, fresh processes for the test files.

The driver (`runners/vitest_warm.mjs`) puts each candidate's files in place, runs its test files, restores the pristine
bytes, and ends at once when files, processes or errors outside of tests are left, or time is up. A canary, the quickest
test file on the pristine tree, runs first and last. A candidate about which there is any doubt has no result here and
is run again clean; the others go on with a fresh sandbox.
"""

import base64
import io
import json
import logging
import secrets
import tarfile
from collections.abc import Mapping, Sequence
from typing import TypeVar

from tracesmith import suites
from tracesmith.runners import RUNNERS
from tracesmith.sandboxes import base
from tracesmith.sandboxes.base import TESTBED, Completed, Sandbox
from tracesmith.selection import choosing
from tracesmith.selection.choosing import Selection
from tracesmith.suites import SuiteRun
from tracesmith.validation.running import Found, Runner

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
LARGEST_GROUP = 16
"""A killed run loses what is under way: at most so many candidates a worker."""
STARTING_S = 60.0
UNABLE = 3
"""The driver's exit code where its runner is none that it knows."""
# Time up is a doubt here and no verdict, which a clean run gives with its own limit: so a hang need not cost it twice.
SLOWER = 6
SHORTEST_TIMEOUT_S = 8.0
FIRST, LAST = "first", "last"


def groups(items: Sequence[Item], runner: Runner, workers: int, most: int) -> list[Sequence[Item]]:
    """Divide candidates into those that share a runner; a run that stops early makes smaller ones."""
    size = min(LARGEST_GROUP, -(-min(len(items), most) // workers)) if _is_able(runner) else 1
    return [items[start : start + max(1, size)] for start in range(0, len(items), max(1, size))]


def run(runner: Runner, selections: Mapping[str, Selection]) -> dict[str, Found]:
    """Return what the suite says of candidates by their names, as far as that is beyond doubt."""
    waiting = [name for name, selection in selections.items() if selection.files] if _is_able(runner) else []
    found: dict[str, Found] = {}
    while len(waiting) > 1:
        read = _batch(runner, [selections[name] for name in waiting])
        if read is None:
            break
        for number, suite in read.items():
            selection = selections[waiting[number]]
            only = selection.files or []
            if not runner.is_doubtful(suite, only, selection):
                how = {"selection": "coverage", "way": "warm", "files": only}
                merged = choosing.merge(runner.reference.stable, suite, only)
                found[waiting[number]] = Found(merged, runner.timeout_s(only), how)
        logger.info("a warm runner ran %d of %d candidates", len(read), len(waiting))
        # The one behind the last that has a report ended the runner, and runs clean.
        waiting = waiting[max(read, default=-1) + 2 :]
    return found


def _is_able(runner: Runner) -> bool:
    test, known = runner.environment.test, runner.coverage
    return bool(
        known and not known.doubt and RUNNERS[test.runner].driver and test.command[1:2] == ["run"] and _canary(runner)
    )


def _canary(runner: Runner) -> str | None:
    """Return the quickest test file of which every test passes."""
    stable, known = runner.reference.stable, runner.coverage
    bad = set(stable.broken_files) | {suites.test_file(test) for test in stable.tests.keys() - stable.passed()}
    seconds = known.seconds if known else {}
    return min((path for path in seconds if path not in bad), key=lambda path: (seconds[path], path), default=None)


def _batch(runner: Runner, selections: Sequence[Selection]) -> dict[int, SuiteRun] | None:
    """
    Return the runs of the candidates that the driver came to the end of, by their numbers.

    None when the canary did not say what it should: then no other try would be better.
    """
    canary = str(_canary(runner))
    first: dict[str, object] = {"only": [f"{TESTBED}/{canary}"]}
    jobs = [first, *(_job(runner, *pair) for pair in enumerate(selections))]
    limits = [_limit_s(runner, selection) for selection in selections]
    with runner.backend.open() as box:
        done, read = _drive(runner, box, jobs, sum(limits) + STARTING_S)
    if done.exit_code == UNABLE:
        logger.info("no warm runner: it takes vitest 4 with processes of their own for the test files")
        return None
    wanted = {name: state for name, state in runner.reference.stable.tests.items() if suites.test_file(name) == canary}
    ends = [FIRST, LAST] if done.exit_code == 0 else [FIRST]
    if any(end not in read or not wanted.items() <= read[end].tests.items() for end in ends):
        logger.warning("a warm runner was contaminated, or did not start: %s", done.text[-500:].strip())
        return None
    return {int(name): suite for name, suite in read.items() if name not in (FIRST, LAST)}


def _limit_s(runner: Runner, selection: Selection) -> float:
    return min(runner.timeout_s(selection.files), max(SHORTEST_TIMEOUT_S, SLOWER * runner.usual_s(selection.files)))


def _job(runner: Runner, number: int, selection: Selection) -> dict[str, object]:
    return {
        "number": number,
        "changes": [
            (f"{TESTBED}/{path}", base64.b64encode(data).decode()) for path, data in sorted(selection.changed.items())
        ],
        "only": [f"{TESTBED}/{path}" for path in selection.files or []],
        "timeout_ms": int(1000 * _limit_s(runner, selection)),
    }


def _drive(
    runner: Runner, box: Sandbox, jobs: list[dict[str, object]], timeout_s: float
) -> tuple[Completed, dict[str, SuiteRun]]:
    test = runner.environment.test
    program = RUNNERS[test.runner]
    assert program.driver  # noqa: S101 - the caller looked
    folder = f"/tmp/tracesmith-warm.{secrets.token_hex(8)}"  # noqa: S108 - a path inside the sandbox
    base.write_file(box, f"{folder}.mjs", program.driver.read_bytes())
    base.must(box, ["mkdir", folder])
    words = [*test.command[1:], *program.driver_flags]
    command = ["env", "--chdir", test.folder, "node", f"{folder}.mjs", folder, *words]
    stdin = json.dumps(jobs).encode()
    done = box.run(command, timeout_s=timeout_s, stdin=stdin, environment=test.environment)
    packed = box.run(["tar", "-cf", "-", "-C", folder, "."], timeout_s=120)
    return done, _unpack(packed.output, runner) if packed.exit_code == 0 and not packed.killed else {}


def _unpack(data: bytes, runner: Runner) -> dict[str, SuiteRun]:
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        members = {member.name.removeprefix("./"): member for member in tar if member.isfile()}
        texts = {name: tar.extractfile(member).read() for name, member in members.items()}  # type: ignore[union-attr]
    found = {}
    for name, report in texts.items():
        stem, _, kind = name.rpartition(".")
        reading = RUNNERS[runner.environment.test.runner].read(report, 1) if kind == "json" else None
        if reading and f"{stem}.txt" in texts:
            found[stem] = suites.of_reading(reading, texts[f"{stem}.txt"].decode("utf-8", "replace"), 0.0)
    return found
