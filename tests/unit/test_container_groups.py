"""What is read of a container's control groups from outside."""

import os
from pathlib import Path

import pytest

from tracesmith.sandboxes import container_groups
from tracesmith.sandboxes.container_groups import ContainerGroup

FILES = {
    True: {"memory.events": "low 0\noom 4\noom_kill 3\n", "pids.events": "max 7\n"},
    False: {"memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", "pids.events": "max 7\n"},
}


def make(folder: Path, *, unified: bool, processes: int) -> ContainerGroup:
    for name, text in FILES[unified].items():
        (folder / name).write_text(text)
    (folder / "cgroup.procs").write_text("".join(f"{number}\n" for number in range(processes)))
    return ContainerGroup(folder, folder, unified)


@pytest.mark.parametrize("unified", [True, False])
def test_the_limits_that_the_kernel_enforced_are_counted(tmp_path: Path, unified: bool) -> None:
    assert make(tmp_path, unified=unified, processes=2).counts() == {"memory": 3, "pids": 7}


@pytest.mark.parametrize("unified", [True, False])
def test_nothing_is_said_while_a_command_has_left_a_process(tmp_path: Path, unified: bool) -> None:
    assert make(tmp_path, unified=unified, processes=3).counts() is None


def test_nothing_is_said_of_a_container_that_is_gone(tmp_path: Path) -> None:
    assert ContainerGroup(tmp_path / "gone", tmp_path / "gone", unified=False).counts() is None


def test_a_process_of_another_namespace_or_none_has_no_groups() -> None:
    assert container_groups.find(os.getpid(), "0123456789abcdef") is None
    assert container_groups.find(2**22 + 1, "0123456789abcdef") is None
