"""Scratch folders: private, gone after the block, and swept when their owner was killed."""

import os
import tempfile
from pathlib import Path

import pytest

from processes import dead_label, said, start
from tracesmith import scratch
from tracesmith.errors import InfrastructureError

HOLD = """
import os, sys
os.environ["TMPDIR"] = sys.argv[1]
from tracesmith import scratch
with scratch.folder() as folder:
    (folder / "closed").mkdir()
    (folder / "closed" / "file").write_text("x")
    (folder / "closed").chmod(0)
    print(folder, flush=True)
    input()
"""


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))


def test_folders_are_private_and_gone_after_the_block(tmp_path: Path) -> None:
    with scratch.folder() as one, scratch.folder() as two:
        assert one != two
        assert one.parent == tmp_path / f"tracesmith-{os.getuid()}"
        assert one.parent.stat().st_mode & 0o777 == 0o700
        (one / "x").write_text("x")
    assert not one.exists()
    assert not two.exists()


def test_a_folder_is_gone_when_the_block_raises() -> None:
    with pytest.raises(ZeroDivisionError), scratch.folder() as folder:
        raise ZeroDivisionError
    assert not folder.exists()


def test_what_a_killed_process_left_is_swept_by_the_next_and_not_while_it_lives(tmp_path: Path) -> None:
    other = start(HOLD, tmp_path)
    left = Path(said(other))
    with scratch.folder():
        assert left.exists()
    other.kill()
    other.wait()
    with scratch.folder():
        assert not left.exists()


def test_names_without_a_label_and_of_other_hosts_are_left_alone(tmp_path: Path) -> None:
    root = scratch.make_root(scratch.roots()[0])
    foreign = ["notes", f"work.elsewhere.{dead_label().split('.', 1)[1]}.1", scratch.name("work")]
    for name in [*foreign, f"work.{dead_label()}.1"]:
        (root / name).mkdir()
    assert scratch.sweep() == 1
    assert sorted(path.name for path in root.iterdir()) == sorted(foreign)


def test_a_root_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "root").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InfrastructureError, match="belongs to somebody else"):
        scratch.make_root(tmp_path / "root")
