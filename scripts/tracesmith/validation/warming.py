"""
Run candidates one after the other in one warm runner: one sandbox, one server, and what it has compiled.

The driver (`runners/vitest_warm.mjs`, `jest_warm.mjs`) puts each candidate's files in place, runs its test files,
restores the pristine bytes, and ends at once when files or processes are left, or time is up. Test files share a
process, whose modules and globals are fresh for each. A canary, the quickest test file on the pristine tree, runs
first, last, and after a loop; where the process is the driver's own, as with jest, a loop ends the driver instead. A
candidate about which there is any doubt has no result here and is run again clean; the others go on with a fresh
sandbox.

Which test files say something else in a shared process is measured once, on the pristine tree, in two orders: the store
`warm` beside the environment.
"""

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TypeVar

from tracesmith import files, stores, suites
from tracesmith.runners import RUNNERS
from tracesmith.sandboxes.base import Completed
from tracesmith.selection.choosing import Selection
from tracesmith.suites import SuiteRun
from tracesmith.validation import driving
from tracesmith.validation.driving import FIRST, LAST, Job
from tracesmith.validation.running import Found, Runner

logger = logging.getLogger(__name__)

CODE_VERSION = 2
NAME = "warm"
Item = TypeVar("Item")
LARGEST_GROUP = 16
"""A killed run loses what is under way: at most so many candidates a worker."""
STARTING_S = 60.0
UNABLE = 3
"""The driver's exit code where its runner is none that it knows."""
# Time up is a doubt here and no verdict, which a clean run gives with its own limit.
SLOWER = 6
SHORTEST_TIMEOUT_S = 20.0
# One test file's CPU seconds are steadier than its time: more than this is a loop.
LOOP_SLOWER = 8
SHORTEST_LOOP_S = 2.0
# A test file that has no process of its own was measured with its compiling.
LOOP_SLOWER_WITH_COMPILING = 2
# Beside the work of others a loop takes so many times its CPU seconds before it is one: time may not be up before.
BUSY = 4


@dataclass(frozen=True)
class Warm:
    """What the driver can do with the pristine suite of an environment."""

    alone: Collection[str] = ()
    """Test files that need a process of their own."""
    doubt: str = ""
    """Why there is no warm runner; empty when there is."""


def make(folder: Path, runner: Runner) -> Warm:
    """Return what is known of an environment's warm runner, from the store or measured now; none without coverage."""
    if not runner.coverage:
        return Warm(doubt="selection is off")
    store, identity = stores.Store(folder / NAME), runner.environment.identity()
    fingerprint = stores.fingerprint(NAME, CODE_VERSION, environment=identity)
    with store.claim("1"):
        if not store.holds("1", fingerprint):
            found = measure(runner)
            with store.replace("1", fingerprint) as entry:
                (entry / "warm.json").write_bytes(files.json_bytes(asdict(found)))
        warm = Warm(**files.read_json(store.folder("1") / "warm.json"))
    logger.info("warm runner: %s", warm.doubt or f"{len(warm.alone)} test files need a process of their own")
    return warm


def measure(runner: Runner) -> Warm:
    """Run the pristine suite in a shared process, in two orders, and return what it shows."""
    test, known, canary = runner.environment.test, runner.coverage, _canary(runner)
    driver = RUNNERS[test.runner].driver
    if not driver:
        return Warm(doubt=f"there is none for {test.runner}")
    if not driver.understands(test.runner, test.command):
        return Warm(doubt=f"the test command does not begin with {' '.join([test.runner, *driver.begins])}")
    if not canary or not known:
        return Warm(doubt="no test file passes as a whole")
    every = known.tests
    jobs = [_pristine_job(runner, number, order) for number, order in enumerate((every, every[::-1]))]
    with runner.backend.open() as box:
        done, read = driving.drive(box, test, [_canary_job(runner), *jobs], 2 * len(jobs) * runner.longest_s)
    if done.exit_code == UNABLE:
        return Warm(doubt="it takes jest 27 to 30, or vitest 2 to 4 with an isolated process for each test file")
    if not _is_clean(runner, done, read):
        return Warm(doubt=f"its pristine runs did not end well: {done.text[-300:].strip()}")
    shared = [read.get(f"{number}.together") for number in range(len(jobs))]
    return Warm(sorted(set().union(*(_unlike(runner, every, one) for one in shared))))


def groups(items: Sequence[Item], warm: Warm, workers: int, most: int) -> list[Sequence[Item]]:
    """Divide candidates into those that share a runner; a run that stops early makes smaller ones."""
    size = 1 if warm.doubt else min(LARGEST_GROUP, -(-min(len(items), most) // workers))
    return [items[start : start + max(1, size)] for start in range(0, len(items), max(1, size))]


def run(runner: Runner, warm: Warm, selections: Mapping[str, Selection]) -> dict[str, Found]:
    """Return what the suite says of candidates by their names, as far as that is beyond doubt."""
    found = _run(runner, warm, selections)
    again = {
        name: replace(one, files=one.importers)
        for name, one in selections.items()
        if name in found and one.importers and runner.is_doubtful(found[name], one.files or [], one)
    }
    found |= _run(runner, warm, again)
    merged = {}
    for name, suite in found.items():
        selection = again.get(name, selections[name])
        only = selection.files or []
        if not runner.is_doubtful(suite, only, selection):
            merged[name] = runner.found(suite, only, "warm", runner.timeout_s(only))
    return merged


def _run(runner: Runner, warm: Warm, selections: Mapping[str, Selection]) -> dict[str, SuiteRun]:
    """Return the runs of candidates that came to their end, by their names."""
    waiting = [] if warm.doubt else [name for name, one in selections.items() if _is_able(runner, warm, one)]
    found: dict[str, SuiteRun] = {}
    while len(waiting) > 1:
        read = _batch(runner, warm, [selections[name] for name in waiting])
        if read is None:
            break
        found |= {waiting[number]: suite for number, suite in read.items()}
        logger.info("a warm runner ran %d of %d candidates", len(read), len(waiting))
        # The one behind the last that has a report ended the runner, and runs clean; but a loop ends one with a report.
        last = max(read, default=-1)
        waiting = waiting[last + (1 if _is_one_process(runner) and last in read and _hangs(read[last]) else 2) :]
    return found


def _canary(runner: Runner) -> str | None:
    """Return the quickest test file of which every test passes."""
    stable, known = runner.reference.stable, runner.coverage
    bad = set(stable.broken_files) | {suites.test_file(test) for test in stable.tests.keys() - stable.passed()}
    seconds = known.seconds if known and not known.doubt else {}
    return min((path for path in seconds if path not in bad), key=lambda path: (seconds[path], path), default=None)


def _batch(runner: Runner, warm: Warm, selections: Sequence[Selection]) -> dict[int, SuiteRun] | None:
    """
    Return the runs of the candidates that the driver came to the end of, by their numbers.

    None when the canary did not say what it should: then no other try would be better.
    """
    jobs = [_canary_job(runner)]
    jobs += [_candidate_job(runner, warm, *pair) for pair in enumerate(selections)]
    limits = [_limit_s(runner, selection) for selection in selections]
    with runner.backend.open() as box:
        done, read = driving.drive(box, runner.environment.test, jobs, sum(limits) + STARTING_S)
    if not _is_clean(runner, done, read):
        logger.warning("a warm runner was contaminated, or did not start: %s", done.text[-500:].strip())
        return None
    found = {}
    for number in range(len(selections)):
        suite = read.get(f"{number}.end")
        if suite is None:
            break
        if _hangs(suite) and not _is_one_process(runner) and not _is_well(runner, read, f"{number}.after.alone"):
            break
        found[number] = suite
    return found


def _is_able(runner: Runner, warm: Warm, selection: Selection) -> bool:
    """Tell whether the driver can run a selection: one process is no place for what needs its own."""
    return bool(selection.files) and not (_is_one_process(runner) and set(selection.files or []) & set(warm.alone))


def _is_one_process(runner: Runner) -> bool:
    driver = RUNNERS[runner.environment.test.runner].driver
    return driver is not None and driver.is_one_process


def _hangs(suite: SuiteRun) -> bool:
    return suite.outcome == "timed_out"


def _is_clean(runner: Runner, done: Completed, read: Mapping[str, SuiteRun]) -> bool:
    ends = [FIRST, LAST] if done.exit_code == 0 else [FIRST]
    return all(_is_well(runner, read, f"{end}.alone") for end in ends)


def _is_well(runner: Runner, read: Mapping[str, SuiteRun], name: str) -> bool:
    canary = _canary(runner)
    wanted = {test: state for test, state in runner.reference.stable.tests.items() if suites.test_file(test) == canary}
    return name in read and wanted.items() <= read[name].tests.items()


def _unlike(runner: Runner, every: Sequence[str], shared: SuiteRun | None) -> set[str]:
    """Return the test files of which a shared process does not say what the reference does: all that it leaves out."""
    if shared is None:
        return set(every)
    wanted = runner.reference.stable.tests
    unlike = {suites.test_file(test) for test, state in wanted.items() if shared.tests.get(test) != state}
    unlike |= {suites.test_file(test) for test in shared.tests.keys() - wanted.keys()}
    told = {suites.test_file(test) for test in shared.tests}
    return (unlike | set(shared.broken_files) | (set(every) - told)) & set(every)


def _limit_s(runner: Runner, selection: Selection) -> float:
    only = selection.files
    limit = min(runner.timeout_s(only), max(SHORTEST_TIMEOUT_S, SLOWER * runner.usual_s(only)))
    return max(limit, BUSY * _loop_s(runner, only or [])) if _is_one_process(runner) else limit


def _canary_job(runner: Runner) -> Job:
    return Job(FIRST, alone=[str(_canary(runner))], timeout_s=runner.longest_s)


def _pristine_job(runner: Runner, number: int, order: Sequence[str]) -> Job:
    return Job(str(number), together=order, cpu_s=_loop_s(runner, order), timeout_s=runner.longest_s)


def _candidate_job(runner: Runner, warm: Warm, number: int, selection: Selection) -> Job:
    only = selection.files or []
    return Job(
        str(number),
        [path for path in only if path not in warm.alone],
        [path for path in only if path in warm.alone],
        selection.changed,
        _loop_s(runner, only),
        _limit_s(runner, selection),
    )


def _loop_s(runner: Runner, paths: Sequence[str]) -> float:
    seconds = runner.coverage.seconds if runner.coverage else {}
    slower = LOOP_SLOWER_WITH_COMPILING if _is_one_process(runner) else LOOP_SLOWER
    return SHORTEST_LOOP_S + slower * max((seconds.get(path, 0.0) for path in paths), default=0.0)
