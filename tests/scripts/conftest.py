"""The finished run whose files the tests of bad input break."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import line_inputs


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the finished run, whose sandboxes cannot be opened."""
    return line_inputs.make_folder(tmp_path_factory.mktemp("line") / "work")


@pytest.fixture
def work(prepared: Path, tmp_path: Path) -> Path:
    """A copy of it to write in."""
    return shutil.copytree(prepared, tmp_path / "work")


@pytest.fixture
def shared(prepared: Path) -> Iterator[Path]:
    """The folder itself: whatever a test changes in it is put back."""
    before = line_inputs.contents(prepared)
    yield prepared
    line_inputs.put_back(prepared, before)
