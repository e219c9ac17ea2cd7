"""
Skips and order of the tests.

A marker of NEEDS runs whenever what it needs is there, and is skipped by the name of what is missing otherwise.
With TRACESMITH_NO_SKIP=1, as in CI, every skip is a failure: a suite that did not run must not look like a pass.
"""

import os
import signal
from collections.abc import Generator
from pathlib import Path

import pytest

from needs import NEEDS

TESTS = Path(__file__).resolve().parent
ORDER = ("unit", "scripts", "workflow", "integration", "chaos")
NO_SKIP = os.environ.get("TRACESMITH_NO_SKIP") == "1"


@pytest.hookimpl(tryfirst=True)
def pytest_configure() -> None:
    """Heed SIGINT, so that the programs of the tests do: a shell's job in the background is born deaf to it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a test whose need is missing, before any fixture is made for it."""
    for marker, missing in NEEDS.items():
        if item.get_closest_marker(marker) and (what := missing()):
            pytest.skip(f"missing: {what}")


def refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure; an expected failure stays one."""
    if not (NO_SKIP and report.skipped) or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    report.outcome = "failed"
    report.longrepr = f"TRACESMITH_NO_SKIP=1 makes this skip a failure. {reason}"


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Judge the skips of tests and fixtures."""
    report = yield
    refuse_skip(report)
    return report


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Judge the skips of whole modules."""
    report = yield
    refuse_skip(report)
    return report


def rank(item: pytest.Item) -> int:
    """Return a test's place by its folder."""
    folder = item.path.relative_to(TESTS).parts[0] if item.path.is_relative_to(TESTS) else ""
    return ORDER.index(folder) if folder in ORDER else len(ORDER)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the quick folders first."""
    items.sort(key=rank)


@pytest.fixture(scope="session")
def tiny_environment(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the environment of tests/data/tiny once; tests that use it are marked network and sandbox."""
    import tiny  # noqa: PLC0415 (other tests run without the library)

    return tiny.build(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def finished_line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the whole line of the tiny package was run once; tests copy it."""
    import workflows  # noqa: PLC0415

    folder = tmp_path_factory.mktemp("line") / "folder"
    workflows.make_folder(folder)
    done = workflows.snakemake(folder, *workflows.TARGETS)
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture
def line(finished_line: Path, tmp_path: Path) -> Path:
    """A copy of the finished line for one test."""
    import workflows  # noqa: PLC0415

    folder = tmp_path / "folder"
    workflows.copy_folder(finished_line, folder)
    return folder
