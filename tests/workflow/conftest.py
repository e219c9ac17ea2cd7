"""The finished line that the workflow tests start from."""

from pathlib import Path

import pytest

import workflows

TARGETS = ("trajectories_sft/tiny-oracle.resolved_only.xml.jsonl", "reports/tiny-oracle.html")


@pytest.fixture(scope="session")
def finished_line(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the whole line of the tiny package was run once; tests copy it."""
    folder = tmp_path_factory.mktemp("line") / "folder"
    workflows.make_folder(folder)
    done = workflows.snakemake(folder, *TARGETS)
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture
def line(finished_line: Path, tmp_path: Path) -> Path:
    """A copy of the finished line for one test."""
    folder = tmp_path / "folder"
    workflows.copy_folder(finished_line, folder)
    return folder
