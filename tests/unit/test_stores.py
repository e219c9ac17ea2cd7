"""Stores: work is reused only when it is whole and the same; claims keep threads and processes apart."""

import multiprocessing
import os
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from processes import dead_label, said, start
from tracesmith import stores
from tracesmith.stores import Store, fingerprint

HALF = """
import sys, pathlib
from tracesmith.stores import Store
store = Store(pathlib.Path(sys.argv[1]))
with store.claim("one"), store.replace("one", "new") as folder:
    (folder / "result").write_text("half")
    print("writing", flush=True)
    input()
"""
KILLED_WHILE_REMOVING = """
import os, pathlib, signal, sys
from tracesmith.stores import Store
removed = []

def hook(event, arguments):
    if event == "os.remove":
        removed.append(event)
    if event == "os.remove" and len(removed) == 3:
        os.kill(os.getpid(), signal.SIGKILL)

store = Store(pathlib.Path(sys.argv[1]))
with store.claim("one"), store.replace("one", "b") as folder:
    sys.addaudithook(hook)
"""
CLAIM = """
import sys, pathlib
from tracesmith.stores import Store
with Store(pathlib.Path(sys.argv[1])).claim(sys.argv[2]):
    print("claimed", flush=True)
    input()
"""


def write(store: Store, name: str, mark: str, text: str = "result") -> None:
    with store.claim(name), store.replace(name, mark) as folder:
        (folder / "result").write_text(text)


def claim_in_thread(root: Path, name: str) -> threading.Event:
    """Claim a name in a thread and return what is set once it has it."""
    claimed = threading.Event()

    def work() -> None:
        with Store(root).claim(name):
            claimed.set()

    threading.Thread(target=work, daemon=True).start()
    return claimed


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {".lock"}


def test_an_entry_is_reused_only_when_its_fingerprint_is_equal(tmp_path: Path) -> None:
    store = Store(tmp_path / "store")
    assert not store.holds("one", "a")
    write(store, "one", "a")
    assert store.holds("one", "a")
    assert not store.holds("one", "b")
    assert not store.holds("two", "a")


@pytest.mark.parametrize(
    "record", [None, "", "{", "[]", "null", '{"fingerprint": null}', '"a"', '{"fingerprint": ["a"]}']
)
def test_an_entry_without_a_readable_record_does_not_count(tmp_path: Path, record: str | None) -> None:
    store = Store(tmp_path)
    write(store, "one", "a")
    (tmp_path / "one" / stores.ENTRY).unlink()
    if record is not None:
        (tmp_path / "one" / stores.ENTRY).write_text(record)
    assert not store.holds("one", "a")


def test_replacing_leaves_nothing_of_the_old_entry(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write(store, "one", "a")
    (tmp_path / "one" / "more").write_text("old")
    write(store, "one", "b", "new")
    assert names(tmp_path / "one") == {"result", stores.ENTRY}
    assert (tmp_path / "one" / "result").read_text() == "new"
    assert names(tmp_path) == {"one"}


def test_an_exception_leaves_the_old_entry(tmp_path: Path) -> None:
    store = Store(tmp_path)
    write(store, "one", "a", "old")
    with pytest.raises(ZeroDivisionError), store.claim("one"), store.replace("one", "b"):
        raise ZeroDivisionError
    assert store.holds("one", "a")
    assert (tmp_path / "one" / "result").read_text() == "old"
    assert names(tmp_path) == {"one"}


@pytest.mark.parametrize("old", [None, "old"])
def test_a_killed_writer_leaves_nothing_that_counts_and_the_next_sweeps_it(tmp_path: Path, old: str | None) -> None:
    if old:
        write(Store(tmp_path), "one", old)
    writer = start(HALF, tmp_path)
    assert said(writer) == "writing"
    assert len(names(tmp_path)) == (2 if old else 1)
    writer.send_signal(signal.SIGKILL)
    writer.wait()
    store = Store(tmp_path)
    assert not store.holds("one", "new")
    assert store.holds("one", "old") is bool(old)
    write(store, "two", "a")
    assert names(tmp_path) == ({"one", "two"} if old else {"two"})


def test_what_a_live_process_writes_is_not_swept(tmp_path: Path) -> None:
    writer = start(HALF, tmp_path)
    assert said(writer) == "writing"
    assert claim_in_thread(tmp_path, "two").wait(60)
    write(Store(tmp_path), "two", "a")
    writer.communicate("\n")
    assert writer.returncode == 0
    assert Store(tmp_path).holds("one", "new")


def test_half_of_a_summary_beside_the_entries_is_swept_too(tmp_path: Path) -> None:
    (tmp_path / f".report.json.{dead_label()}.tmp").write_text("{")
    (tmp_path / f".gone.{dead_label()}.tmp").symlink_to("nowhere")
    write(Store(tmp_path), "one", "a")
    assert names(tmp_path) == {"one"}


def test_an_old_entry_that_is_half_removed_does_not_count(tmp_path: Path) -> None:
    store = Store(tmp_path)
    with store.claim("one"), store.replace("one", "a") as folder:
        for number in range(60):
            (folder / f"result {number}").write_text("x")
    assert start(KILLED_WHILE_REMOVING, tmp_path).wait() == -signal.SIGKILL
    left = len(names(tmp_path / "one"))
    assert 0 < left < 61
    assert not store.holds("one", "a")


def holders(root: Path, name_of: list[str]) -> int:
    """Return how many threads, one a name, were inside their claims at the same time."""
    inside, most = 0, 0
    lock, store = threading.Lock(), Store(root)

    def work(name: str) -> None:
        nonlocal inside, most
        with store.claim(name):
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.05)
            with lock:
                inside -= 1

    threads = [threading.Thread(target=work, args=(name,)) for name in name_of]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return most


def test_a_claim_keeps_other_threads_out_and_other_names_go_on(tmp_path: Path) -> None:
    assert holders(tmp_path, ["one"] * 4) == 1
    assert holders(tmp_path, ["one", "two", "three", "four"]) == 4


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP])
def test_a_claim_keeps_other_processes_out_until_its_holder_is_gone(tmp_path: Path, end: signal.Signals) -> None:
    holder = start(CLAIM, tmp_path, "one")
    assert said(holder) == "claimed"
    claimed, other = claim_in_thread(tmp_path, "one"), claim_in_thread(tmp_path, "two")
    assert other.wait(60), "another name is free"
    assert not claimed.wait(0.3)
    holder.send_signal(end)
    if end is signal.SIGSTOP:
        assert not claimed.wait(0.3)
        holder.kill()
    assert claimed.wait(60)
    holder.wait()


def test_a_child_of_the_holder_does_not_keep_the_claim(tmp_path: Path) -> None:
    child = "import subprocess\nprint(subprocess.Popen(['sleep', '60']).pid, flush=True)"
    holder = start(CLAIM.replace('print("claimed", flush=True)', child.replace("\n", "; ")), tmp_path, "one")
    pid = int(said(holder))
    holder.kill()
    holder.wait()
    try:
        again = start(CLAIM, tmp_path, "one")
        assert said(again) == "claimed"
        again.communicate("\n")
    finally:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("kind", ["missing", "file", "link", "dangling", "closed"])
def test_whatever_stands_there_is_removed_and_nothing_behind_a_link(tmp_path: Path, kind: str) -> None:
    path, behind = tmp_path / "x", tmp_path / "behind"
    behind.mkdir()
    (behind / "kept").write_text("x")
    if kind == "file":
        path.write_text("x")
    elif kind in ("link", "dangling"):
        path.symlink_to(behind if kind == "link" else "nowhere")
    elif kind == "closed":
        (path / "a" / "b").mkdir(parents=True)
        (path / "a" / "link").symlink_to(behind)
        (path / "a" / "b").chmod(0)
        (path / "a").chmod(0)
    stores.remove_tree(path)
    assert not path.is_symlink()
    assert not path.exists()
    assert (behind / "kept").exists()


DEEP = """
import os, sys
os.chdir(sys.argv[1])
for number in range(3000):
    os.mkdir("folder")
    os.chdir("folder")
os.chmod(".", 0)
"""


def test_folders_of_any_depth_are_removed(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    assert start(DEEP, tmp_path / "x").wait() == 0
    try:
        stores.remove_tree(tmp_path / "x")
        assert not (tmp_path / "x").exists()
    finally:
        subprocess.run(["rm", "-rf", tmp_path / "x"], check=True)  # pytest's own sweeping cannot


def test_processes_that_remove_the_same_folder_do_not_disturb_each_other(tmp_path: Path) -> None:
    for number in range(5):
        for name in range(120):
            (tmp_path / str(number) / f"folder {name}" / "deep").mkdir(parents=True)
        context = multiprocessing.get_context("fork")
        both = [context.Process(target=stores.remove_tree, args=(tmp_path / str(number),)) for _ in range(2)]
        for process in both:
            process.start()
        for process in both:
            process.join()
        assert [process.exitcode for process in both] == [0, 0]
        assert not (tmp_path / str(number)).exists()


def test_a_fingerprint_changes_with_each_of_its_parts() -> None:
    base = fingerprint("stage", 1, a=1, b={"c": 2})
    assert fingerprint("stage", 1, b={"c": 2}, a=1) == base
    others = [
        fingerprint("other", 1, a=1, b={"c": 2}),
        fingerprint("stage", 2, a=1, b={"c": 2}),
        fingerprint("stage", 1, a=2, b={"c": 2}),
        fingerprint("stage", 1, a=1, b={"c": 3}),
        fingerprint("stage", 1, a=1),
    ]
    assert len({base, *others}) == 6
