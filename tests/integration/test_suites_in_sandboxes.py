"""Real vitest in a real sandbox: what each way a suite can end is taken for."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import boxes
import pytest
from boxes import MARKER

import tiny
from tracesmith import prepared, suites, workspaces
from tracesmith.prepared import Environment
from tracesmith.sandboxes import base
from tracesmith.sandboxes.base import Sandbox
from tracesmith.sandboxes.bubblewrap import BubblewrapBackend
from tracesmith.suites import SuiteRun

pytestmark = [pytest.mark.sandbox, pytest.mark.network]
IMPORT = 'import { expect, it, vi } from "vitest";\n'
STATES = """
it("passes", () => {});
it("fails", () => { expect(1).toBe(2); });
it.skip("is skipped", () => {});
it.todo("is to do");
"""
STORM = 'it("storms", () => { const all = []; for (let i = 0; i < 100; i++) all.push(Buffer.alloc(16 << 20, 1)); });'


@pytest.fixture
def environment(tiny_environment: Path) -> Iterator[Environment]:
    """Read the tiny package's environment; at the end no process of a suite may be left."""
    found = prepared.read(tiny_environment)
    yield replace(found, test=replace(found.test, environment={boxes.MARK: MARKER}))
    assert boxes.processes(MARKER) == []


@contextmanager
def sandbox(path: Path, environment: Environment, files: dict[str, str]) -> Iterator[Sandbox]:
    """Open a sandbox of the environment with some more files."""
    with BubblewrapBackend(path.parent / str(environment.tree), environment.limits).open() as box:
        for name, text in files.items():
            base.write_file(box, name, text.encode())
        yield box


def run(path: Path, environment: Environment, files: dict[str, str], timeout_s: float = 120) -> SuiteRun:
    """Run the suite with some more files."""
    with sandbox(path, environment, files) as box:
        return suites.run(box, environment.test, timeout_s)


def test_the_clean_suite_passes(tiny_environment: Path, environment: Environment) -> None:
    found = run(tiny_environment, environment, {})
    assert (found.outcome, found.clean_exit, found.broken_files) == ("ran", True, [])
    assert len(found.passed()) == len(found.tests) == 16
    assert "src/text.spec.ts > slug > joins lower-case words" in found.tests
    assert environment.repo == tiny.REPO


def test_a_bug_fails_the_tests_of_what_it_breaks(tiny_environment: Path, environment: Environment) -> None:
    with sandbox(tiny_environment, environment, {}) as box:
        workspaces.apply_patch(box, tiny.BUG)
        found = suites.run(box, environment.test, 120)
    assert found.outcome == "ran"
    assert set(found.tests) - found.passed() == {"src/intervals.spec.ts > merge > joins intervals that touch"}


def test_states_and_broken_files(tiny_environment: Path, environment: Environment) -> None:
    files = {"src/states.spec.ts": IMPORT + STATES, "src/broken.spec.ts": 'import "./nowhere.js";\n' + IMPORT + STATES}
    found = run(tiny_environment, environment, files)
    assert (found.outcome, found.clean_exit, found.broken_files) == ("ran", False, ["src/broken.spec.ts"])
    states = {test.split(" > ")[1]: state for test, state in found.tests.items() if suites.test_file(test) in files}
    assert states == {"passes": "passed", "fails": "failed", "is skipped": "skipped", "is to do": "todo"}
    assert found.failures == {"src/states.spec.ts > fails": "AssertionError: expected 1 to be 2 // Object.is equality"}
    assert len(found.passed()) == 17


def test_an_endless_loop_ends_with_the_time(tiny_environment: Path, environment: Environment) -> None:
    files = {"src/loop.spec.ts": IMPORT + 'it("loops", () => { for (;;); });'}
    found = run(tiny_environment, environment, files, timeout_s=6)
    assert (found.outcome, found.tests) == ("timed_out", {})


def test_too_much_memory(tiny_environment: Path, environment: Environment) -> None:
    limits = replace(environment.limits, memory_bytes=500 * 2**20)
    found = run(tiny_environment, replace(environment, limits=limits), {"src/storm.spec.ts": IMPORT + STORM})
    assert (found.outcome, found.passed()) == ("out_of_memory", set())


def test_a_test_that_leaves_does_not_pass(tiny_environment: Path, environment: Environment) -> None:
    found = run(tiny_environment, environment, {"src/leave.spec.ts": IMPORT + 'it("leaves", () => process.exit(0));'})
    assert not found.clean_exit
    assert "src/leave.spec.ts > leaves" not in found.passed()


def test_a_worker_that_is_killed_passes_nothing(tiny_environment: Path, environment: Environment) -> None:
    files = {"src/kill.spec.ts": IMPORT + 'it("dies", () => new Promise(() => process.kill(process.pid, "SIGKILL")));'}
    found = run(tiny_environment, environment, files)
    assert not found.clean_exit
    assert "src/kill.spec.ts > dies" not in found.passed()


def test_a_broken_runner_gives_no_report(tiny_environment: Path, environment: Environment) -> None:
    found = run(tiny_environment, environment, {"vitest.config.mts": "export default {"})
    assert (found.outcome, found.tests) == ("no_report", {})
    assert "vitest.config.mts" in found.output
