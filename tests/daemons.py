"""Daemons of our own for a test: started and stopped by the scripts of tests/integration."""

import subprocess
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import workflows

SCRIPTS = workflows.ROOT / "tests" / "integration"
STARTING = threading.Lock()
"""Two Docker engines that start at once would look for a free network at once."""


def call(script: str, *arguments: str | Path) -> str:
    """Run a script such as podman.sh and return what it printed for a shell to export."""
    done = subprocess.run([SCRIPTS / script, *arguments], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextmanager
def running(script: str) -> Iterator[tuple[Path, dict[str, str]]]:
    """Run a daemon for the block with all its files in a new folder; yield that, and the variable that leads to it."""
    # A real disk, and a short name, since sockets stand in it. CI looks for what a killed test has left by the name.
    folder = Path(tempfile.mkdtemp(prefix=f"{Path(script).stem}.", dir="/var/tmp"))
    try:
        with STARTING:
            name, _, value = call(script, "start", folder).partition("=")
        yield folder, {name: value}
    finally:
        call(script, "stop", folder)
        assert not folder.exists()


@contextmanager
def started(script: str) -> Iterator[Path]:
    """Run a daemon for the block, which this process finds by its variable; yield its folder."""
    with running(script) as (folder, variables), pytest.MonkeyPatch.context() as patch:
        for name, value in variables.items():
            patch.setenv(name, value)
        yield folder


def said(folder: Path) -> str:
    """Return the ends of a daemon's logs."""
    return "\n".join(f"{log.name}:\n{log.read_text(errors='replace')[-3000:]}" for log in sorted(folder.glob("*.log")))
