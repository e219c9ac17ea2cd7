"""Daemons of our own for a test: started and stopped by the scripts of tests/integration."""

import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

import workflows

SCRIPTS = workflows.ROOT / "tests" / "integration"


def call(script: str, *arguments: str | Path) -> str:
    """Run a script such as podman.sh and return what it printed for a shell to export."""
    done = subprocess.run([SCRIPTS / script, *arguments], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@contextmanager
def started(script: str) -> Iterator[Path]:
    """Start a daemon with all its files in a new folder, and have the variable that it prints set for the block."""
    # A real disk, and a short name, since sockets stand in it.
    folder = Path(tempfile.mkdtemp(prefix=f"{Path(script).stem}.", dir="/var/tmp"))
    try:
        name, _, value = call(script, "start", folder).partition("=")
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv(name, value)
            yield folder
    finally:
        call(script, "stop", folder)
        assert not folder.exists()


def said(folder: Path) -> str:
    """Return the ends of a daemon's logs."""
    return "\n".join(f"{log.name}:\n{log.read_text(errors='replace')[-3000:]}" for log in sorted(folder.glob("*.log")))
