"""Logs are compressed in their places, read as before, and put back; nothing is lost on the way."""

import gzip
import os
import shutil
from pathlib import Path

import pytest

import processes
from tracesmith import files, locks, packing
from tracesmith.errors import InputError

DAY_S = 24 * 3600
NOW = 1_800_000_000.0
LONG = b"FAIL  src/parse.spec.ts > reads \xff a tag\r\n" * 500
KILLED = """
import os, signal, sys
from pathlib import Path
from tracesmith import packing
event, number = sys.argv[2], int(sys.argv[3])
seen = []

def hook(name, arguments):
    if name == event:
        seen.append(name)
    if name == event and len(seen) == number:
        os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(hook)
packing.pack([Path(sys.argv[1])], 4096)
"""
FULL_DISK = """
import resource, sys
from pathlib import Path
from tracesmith import packing
from tracesmith.errors import InfrastructureError
resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10))
folder = Path(sys.argv[2])
try:
    packing.bound(folder, float(sys.argv[3])) if sys.argv[1] == "bound" else packing.pack([folder], 1)
except InfrastructureError as error:
    print(error)
"""
CLAIM = """
import sys
from pathlib import Path
from tracesmith.stores import Store
with Store(Path(sys.argv[1])).claim("one"):
    print("claimed", flush=True)
    input()
"""


def make_store(root: Path) -> Path:
    """Make a store with two entries and one below it, and return the folder."""
    for name in ("one", "two", "confirmation/one"):
        entry = root / name
        entry.mkdir(parents=True)
        (entry / "entry.json").write_text("{}")
        (entry / "test_output.txt").write_bytes(LONG)
        (entry / "test_output.2.txt").write_bytes(b"short")
        (entry / "report.json").write_bytes(LONG)
        os.utime(entry / "test_output.txt", (NOW, NOW))
    return root


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Return the bytes and times of the files of a folder, but for locks."""
    found = (folder / name for name in files.list_files(folder) if not name.endswith(".lock"))
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in found}


def old_log(folder: Path, name: str, days: float) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_bytes(LONG)
    os.utime(path, (NOW - days * DAY_S, NOW - days * DAY_S))
    return path


def test_long_outputs_are_compressed_and_read_and_put_back_as_they_were(tmp_path: Path) -> None:
    store = make_store(tmp_path / "store")
    before = contents(store)
    packing.pack([store], 4096)
    packed = contents(store)
    long = {name for name in before if name.endswith("test_output.txt")}
    assert len(long) == 3
    assert set(packed) == set(before) - long | {f"{name}.gz" for name in long}
    assert sum(len(data) for data, _ in packed.values()) < sum(len(data) for data, _ in before.values())
    assert all(files.read_packed(store / name) == LONG for name in long)
    packing.pack([store, store / "one"], 4096)
    assert contents(store) == packed
    packing.unpack([store])
    assert contents(store) == before
    packing.pack([store], 4096)
    assert contents(store) == packed


def test_what_only_looks_like_an_output_is_left_alone(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    (store / "one" / "test_output.old.txt").write_bytes(LONG)
    (store / "two" / "test_output.3.txt").symlink_to("report.json")
    (store / ".three.tmp").mkdir()
    shutil.copy(store / "one" / "entry.json", store / ".three.tmp")
    (store / ".three.tmp" / "test_output.txt").write_bytes(LONG)
    packing.pack([store], 4096)
    assert (store / "one" / "test_output.old.txt").is_file()
    assert (store / "two" / "test_output.3.txt").is_symlink()
    assert (store / ".three.tmp" / "test_output.txt").is_file()


@pytest.mark.parametrize(("event", "number"), [("os.rename", 1), ("os.remove", 1), ("os.remove", 2), ("os.remove", 3)])
def test_a_killed_packing_goes_on_and_every_output_is_there_at_any_time(
    tmp_path: Path, event: str, number: int
) -> None:
    store, whole = make_store(tmp_path / "store"), make_store(tmp_path / "whole")
    packing.pack([whole], 4096)
    assert processes.start(KILLED, store, event, str(number)).wait() == -9
    assert all(files.read_packed(store / name / "test_output.txt") == LONG for name in ("one", "two"))
    packing.pack([store], 4096)
    assert set(contents(store)) == set(contents(whole))
    packing.unpack([store])
    assert (store / "one" / "test_output.txt").read_bytes() == LONG


def test_an_entry_that_a_live_process_works_on_is_left_and_counted(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    store = make_store(tmp_path)
    with processes.start(CLAIM, store) as writer:
        assert processes.said(writer) == "claimed"
        packing.pack([store], 4096)
        writer.communicate("\n")
    assert (store / "one" / "test_output.txt").is_file()
    assert (store / "two" / "test_output.txt.gz").is_file()
    assert caplog.messages == ["left 1 entries as they are, which another process works on"]
    packing.pack([store], 4096)
    assert not (store / "one" / "test_output.txt").exists()


def test_a_packed_output_that_is_damaged_is_named(tmp_path: Path) -> None:
    store = make_store(tmp_path)
    packing.pack([store], 4096)
    packed = store / "one" / "test_output.txt.gz"
    packed.write_bytes(packed.read_bytes()[:-9])
    with pytest.raises(InputError, match=r"one/test_output\.txt\.gz: damaged; remove the folder"):
        packing.unpack([store / "one"])
    assert packed.is_file()


def test_an_output_of_which_there_is_neither_form_is_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        files.read_packed(tmp_path / "test_output.txt")


def test_old_logs_are_compressed_and_older_ones_removed(tmp_path: Path) -> None:
    folder = tmp_path / "log"
    ages = {"new.log": 0.9, "old.log": 1.1, "older.log": 29.9, "oldest.log": 30.1}
    for name, days in ages.items():
        old_log(folder, name, days)
    packing.bound(folder, NOW)
    assert files.list_files(folder) == ["new.log", "old.log.gz", "older.log.gz"]
    assert gzip.decompress((folder / "old.log.gz").read_bytes()) == LONG
    packing.bound(folder, NOW + DAY_S)
    assert files.list_files(folder) == ["new.log.gz", "old.log.gz"]
    packing.bound(tmp_path / "nothing", NOW)


@pytest.mark.parametrize("what", ["bound", "pack"])
def test_a_disk_that_takes_no_more_leaves_the_file_as_it_is(tmp_path: Path, what: str) -> None:
    store = make_store(tmp_path / "store")
    folder = store if what == "pack" else tmp_path / "log"
    old_log(tmp_path / "log", "old.log", 2)
    before = contents(folder)
    with processes.start(FULL_DISK, what, folder, str(NOW)) as process:
        assert "cannot be replaced by" in processes.said(process)
    assert contents(folder) == before


def test_the_lock_of_any_byte_is_seen_through_another_opening(tmp_path: Path) -> None:
    with (tmp_path / "lock").open("a+b") as mine, (tmp_path / "lock").open("a+b") as other:
        assert locks.take(mine, 7)
        assert not locks.others_hold(mine)
        assert locks.take(other, 2**55, shared=True)
        assert locks.others_hold(mine)
