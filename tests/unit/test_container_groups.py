"""What is read of a container's control groups from outside."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import workflows
from tracesmith.sandboxes import container_groups
from tracesmith.sandboxes.container_groups import ContainerGroup

NAME = "79c376eff38eb4fc"
FIRST = 1
FILES = {
    True: {"memory.events": "low 0\noom 4\noom_kill 3\n", "pids.events": "max 7\n"},
    False: {"memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n", "pids.events": "max 7\n"},
}


@pytest.fixture
def asleep() -> Iterator[int]:
    with subprocess.Popen(["sleep", "infinity"]) as process:
        workflows.wait_for(lambda: Path(f"/proc/{process.pid}/cmdline").read_bytes() == container_groups.ASLEEP)
        yield process.pid
        process.kill()


def make(folder: Path, *processes: int, unified: bool = True) -> ContainerGroup:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in FILES[unified].items():
        (folder / name).write_text(text)
    (folder / "cgroup.procs").write_text("".join(f"{number}\n" for number in processes))
    return ContainerGroup(FIRST, folder, folder)


@pytest.mark.parametrize("unified", [True, False])
def test_the_limits_that_the_kernel_enforced_are_counted(tmp_path: Path, asleep: int, unified: bool) -> None:
    assert make(tmp_path, FIRST, asleep, unified=unified).counts() == {"memory": 3, "pids": 7}


def test_nothing_is_said_but_of_a_container_that_only_sleeps(tmp_path: Path, asleep: int) -> None:
    assert make(tmp_path, FIRST, asleep, os.getpid()).counts() is None
    assert make(tmp_path, FIRST, os.getpid()).counts() is None
    assert make(tmp_path, FIRST).counts() is None
    assert make(tmp_path, FIRST, 2**22 + 1).counts() is None
    assert ContainerGroup(FIRST, tmp_path / "gone", tmp_path / "gone").counts() is None


@pytest.mark.parametrize(
    ("text", "folder", "unified"),
    [
        (f"12:pids:/docker/{NAME}\n9:memory:/docker/{NAME}\n0::/docker/{NAME}\n", f"docker/{NAME}", False),
        (f"4:cpu,cpuacct:/docker/{NAME}\n3:pids:/x/{NAME}\n2:memory:/x/{NAME}\n", f"x/{NAME}", False),
        (f"0::/system.slice/docker-{NAME}.scope\n", f"system.slice/docker-{NAME}.scope", True),
    ],
)
def test_the_groups_of_a_container_are_found_in_both_versions(
    tmp_path: Path, text: str, folder: str, unified: bool
) -> None:
    roots = [tmp_path] if unified else [tmp_path / "memory", tmp_path / "pids"]
    for root in roots:
        make(root / folder, unified=unified)
    wanted = ContainerGroup(FIRST, roots[0] / folder, roots[-1] / folder)
    assert container_groups.parse(text, FIRST, NAME, tmp_path) == wanted


def test_a_process_that_is_of_no_such_container_has_no_groups(tmp_path: Path) -> None:
    make(tmp_path / "user.slice")
    assert container_groups.parse("0::/user.slice\n", FIRST, NAME, tmp_path) is None
    assert container_groups.parse(f"0::/docker/{NAME}\n", FIRST, NAME, tmp_path) is None
    assert container_groups.find(2**22 + 1, NAME) is None
