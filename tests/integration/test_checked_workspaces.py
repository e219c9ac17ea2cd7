"""What check_workspaces looks through in each of the sandboxes; what is found there: test_leaks_in_sandboxes.py."""

import io
import shutil
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boxes
import pytest

import agent_models
import tiny
from tracesmith import prepared, workspaces
from tracesmith.proving import checking, looking, needles
from tracesmith.sandboxes import base, docker

pytestmark = pytest.mark.parametrize("kind", boxes.ENGINES)
Make = Callable[..., boxes.BubblewrapBackend | boxes.DockerBackend]
INSTANCE: Any = agent_models.instance("solves")
COPY = "node_modules/dep/intervals.js"
ELSEWHERE = "/usr/local/lib/intervals.js"
"""A place that only an image has of its own."""
CACHE = "/tmp/home/.npm/x.ts"  # noqa: S108 - a path inside the sandbox


@pytest.fixture
def folder(tree: Path, tmp_path: Path) -> Path:
    """Make the folder of an environment."""
    shutil.copytree(tree, tmp_path / "source", ignore=shutil.ignore_patterns("node_modules"))
    return tmp_path


@pytest.fixture
def planted(kind: str, place: str, tree: Path, tmp_path: Path) -> Iterator[str]:
    """Plant the fixed file in what sandboxes start from."""
    fixed = (tree / "src" / "intervals.ts").read_bytes()
    if kind != "docker":
        shutil.copytree(tree, tmp_path / "planted")
        (tmp_path / "planted" / COPY).write_bytes(fixed)
        yield str(tmp_path / "planted")
        return
    context = io.BytesIO()
    dockerfile = f"FROM {place}\nCOPY --chown=1000:1000 root /\n".encode()
    with tarfile.open(fileobj=context, mode="w") as archive:
        copies = {f"root/testbed/{COPY}": fixed, f"root{ELSEWHERE}": fixed}
        for name, data in {**copies, "Dockerfile": dockerfile}.items():
            entry = tarfile.TarInfo(name)
            entry.size, entry.mode = len(data), 0o644
            archive.addfile(entry, io.BytesIO(data))
    context.seek(0)
    client = docker.connect()
    built, _ = client.images.build(fileobj=context, custom_context=True, rm=True, forcerm=True)
    yield str(built.id)
    client.images.remove(built.id, force=True, noprune=True)
    client.close()


def scan_of(kind: str, backend: boxes.BubblewrapBackend | boxes.DockerBackend, folder: Path) -> checking.Scan:
    """Look through an environment."""
    environment = prepared.Environment(
        *(tiny.REPO, "x", f"swesmith/{tiny.REPO}", kind, None, "tree", "source", "0", "mirror.git", "24", "0"),
        network=False,
        timeout_s=60,
        limits=boxes.LIMITS,
        test=prepared.TestSettings(**tiny.PROFILE["test"]),
    )
    wanted = looking.Needles({INSTANCE["instance_id"]: needles.of_patch(INSTANCE["patch"], "x")})
    return checking.look_through(backend, environment, folder, wanted)


def test_a_clean_workspace_is_allowed(make: Make, kind: str, folder: Path) -> None:
    found = checking.check(scan_of(kind, make(), folder), INSTANCE)
    assert (found.proof.leaks, found.problems, found.is_refused) == ({}, [], False)
    assert found.proof.needles > 0


def test_a_fix_in_what_sandboxes_start_from_is_found(kind: str, planted: str, folder: Path) -> None:
    found = checking.check(scan_of(kind, boxes.make_backend(kind, planted), folder), INSTANCE)
    assert found.is_refused
    assert set(found.proof.leaks) == ({COPY, ELSEWHERE} if kind == "docker" else {COPY})


def test_a_fix_that_comes_with_a_workspace_is_found(make: Make, kind: str, folder: Path, tree: Path) -> None:
    scan = scan_of(kind, make(), folder)
    with scan.backend.open() as box:
        workspaces.make(box, INSTANCE, ["src/intervals.spec.ts"])
        base.write_file(box, CACHE, (tree / "src" / "intervals.ts").read_bytes())
        base.must(box, ["git", "hash-object", "-w", CACHE])
        found = checking.look_into(scan, box, INSTANCE)
    assert found.is_refused
    assert len(found.proof.leaks) == 2
    assert found.problems
