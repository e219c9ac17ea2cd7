"""Owners: a label tells the leftovers of a dead process from the work of a live one, and never judges other hosts."""

import os
import subprocess

import pytest

from processes import dead_label, said, start
from tracesmith import owners

PRINT_LABEL = "from tracesmith import owners; print(owners.label(), flush=True); input()"


def test_own_label_is_of_a_live_process() -> None:
    assert owners.LABEL.fullmatch(owners.label())
    assert not owners.is_dead(owners.label())
    assert not owners.is_dead(owners.label() + ".7")


def test_a_process_is_dead_when_it_is_killed_and_not_before() -> None:
    other = start(PRINT_LABEL)
    label = said(other)
    assert not owners.is_dead(label)
    other.kill()
    os.waitid(os.P_PID, other.pid, os.WEXITED | os.WNOWAIT)
    assert owners.is_dead(label), "a zombie does no work"
    other.wait()
    assert owners.is_dead(label)


def test_a_pid_that_is_used_again_is_another_process() -> None:
    host, pid, start_time = owners.label().split(".")
    assert owners.is_dead(f"{host}.{pid}.{int(start_time) + 1}")


@pytest.mark.parametrize("label", ["", "x", "a.b.c", "..", "host.1", "host.1.2.3.4", "host.-1.2"])
def test_a_name_that_is_no_label_is_never_judged(label: str) -> None:
    assert not owners.is_dead(label)


def test_labels_of_other_hosts_are_never_judged() -> None:
    assert owners.is_dead(dead_label())
    assert not owners.is_dead(dead_label().replace(".", "x.", 1))


@pytest.mark.parametrize("name", ["report.json", "npm__a.v1.0.0.func__x", "a"])
def test_temporary_names_say_whose_they_are(name: str) -> None:
    assert not owners.is_abandoned(owners.temporary_name(name))
    assert owners.is_abandoned(f".{name}.{dead_label()}.tmp")
    assert owners.temporary_name(name).startswith(f".{name}.")


def test_a_command_name_with_spaces_and_brackets_does_not_confuse_the_start_time(tmp_path: os.PathLike[str]) -> None:
    program = os.path.join(tmp_path, "a) R 1 (b")  # noqa: PTH118
    os.symlink("/bin/sleep", program)  # noqa: PTH211
    running = subprocess.Popen([program, "30"])
    try:
        found = owners._start_time(running.pid)
        assert found is not None
        assert int(found) >= int(owners.label().rsplit(".", 1)[1])
    finally:
        running.kill()
        running.wait()
