"""The sandboxes under test: a tree and an image with the same content, and a look at what a test leaves behind."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import boxes
import pytest

import tiny
from tracesmith import owners
from tracesmith.sandboxes.base import Limits, Sandbox

Open = Callable[..., AbstractContextManager[Sandbox]]


@pytest.fixture(params=boxes.KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Name a backend; the last two of the three hold limits by other means than the first."""
    return str(request.param)


@pytest.fixture(scope="session")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a prepared tree: the tiny package with a fixture and one installed package of a few bytes."""
    folder = tmp_path_factory.mktemp("prepared") / "tree"
    shutil.copytree(tiny.SOURCE, folder)
    (folder / "node_modules" / "dep").mkdir(parents=True)
    (folder / "node_modules" / "dep" / "index.js").write_text("module.exports = 1;\n")
    (folder / "src" / "__fixtures__").mkdir()
    (folder / "src" / "__fixtures__" / "words.txt").write_text("one two\n")
    return folder


@pytest.fixture(scope="session")
def image(tree: Path) -> Iterator[str]:
    """Build an image with the tree at /testbed, owned by the user 1000."""
    with boxes.built(tree) as image:
        yield image


@pytest.fixture
def place(kind: str, request: pytest.FixtureRequest) -> str:
    """Return what the sandboxes of this kind start from."""
    return str(request.getfixturevalue("image" if kind == "docker" else "tree"))


@pytest.fixture
def make(kind: str, place: str) -> Iterator[Callable[..., boxes.BubblewrapBackend | boxes.DockerBackend]]:
    """Make backends of this kind; at the end nothing of this process's sandboxes may be left."""

    def backend(
        limits: Limits = boxes.LIMITS, *, network: bool = False
    ) -> boxes.BubblewrapBackend | boxes.DockerBackend:
        return boxes.make_backend(kind, place, limits, network=network)

    yield backend
    assert boxes.leftovers(kind, owners.label(), boxes.MARKER) == []
