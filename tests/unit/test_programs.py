"""Programs on the network: none outlives its limit, and none asks on a terminal."""

import os
import subprocess
import time
from pathlib import Path

import pytest

from tracesmith import programs, remotes
from tracesmith.remotes import RemoteTimeoutError


def gone(pid: int) -> bool:
    """Tell whether a process is dead, waiting a little for it."""
    for _ in range(100):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except (FileNotFoundError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


def test_a_program_that_takes_too_long_is_killed_with_its_helpers(tmp_path: Path) -> None:
    script = f"sleep 100 & echo $! >{tmp_path}/helper; echo $$ >{tmp_path}/itself; wait"
    with pytest.raises(subprocess.TimeoutExpired):
        programs.run(["sh", "-c", script], timeout_s=0.5)
    for name in ("helper", "itself"):
        assert gone(int((tmp_path / name).read_text())), name


def test_a_program_has_no_terminal_and_no_input() -> None:
    done = programs.run(["sh", "-c", "cat; : </dev/tty"], timeout_s=10)
    assert done.returncode != 0
    assert done.stdout == b""


def test_a_server_that_does_not_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ssh = tmp_path / "ssh"
    ssh.write_text("#!/bin/sh\nsleep 100\n")
    ssh.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))
    environment = remotes.reading("ssh://git@host/o/r", tmp_path)
    before = time.monotonic()
    with pytest.raises(RemoteTimeoutError, match=r"did not answer git within 0\.5 s"):
        remotes.run(tmp_path, ["ls-remote", "ssh://git@host/o/r"], environment, timeout_s=0.5)
    assert time.monotonic() - before < 50


def test_git_on_the_network_has_the_users_access_and_nothing_else_of_git(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = ["[credential]", "helper = mine", "[core]", "sshCommand = my-ssh", "autocrlf = true", "hooksPath = /h"]
    lines += ['[url "x"]', "insteadOf = y", "[safe]", "directory = /srv/their repository", '[http "https://h"]']
    (tmp_path / ".gitconfig").write_text("\n".join([*lines, "proxy = p", "[alias]", "fetch = !evil"]))
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    variables = {"HOME": str(tmp_path), "GIT_DIR": "x", "GIT_TRACE": "1", "GIT_ASKPASS": "ask", "MINE": "1"}
    for name, value in {**variables, "GIT_CONFIG_NOSYSTEM": "1"}.items():
        monkeypatch.setenv(name, value)
    found = remotes.reading("https://host/o/r", tmp_path)
    pairs = {
        found[f"GIT_CONFIG_KEY_{number}"]: found[f"GIT_CONFIG_VALUE_{number}"]
        for number in range(int(found["GIT_CONFIG_COUNT"]))
    }
    users = {"credential.helper": "mine", "core.sshcommand": "my-ssh", "http.https://h.proxy": "p"}
    assert pairs == {**users, **dict(remotes.OWN_CONFIGURATION)}
    assert (found["GIT_ASKPASS"], found["MINE"], found["GIT_ALLOW_PROTOCOL"]) == ("ask", "1", "https")
    assert "GIT_DIR" not in found
    assert "GIT_TRACE" not in found
    assert Path(found["GIT_CONFIG_GLOBAL"]).read_text() == '[safe]\n\tdirectory = "/srv/their repository"\n'
