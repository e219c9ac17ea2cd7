"""The doctor by hand: what it says, and its exit codes."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tracesmith import proxies

SCRIPT = Path(__file__).parents[2] / "scripts" / "doctor.py"
SECRET = "hunter2hunter2"  # noqa: S105 - planted, to be looked for


def doctor(folder: Path, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the doctor in a folder, without this machine's proxies and tokens and with no engine."""
    unset = {*proxies.VARIABLES, "GITHUB_TOKEN", "SWESMITH_ORG_GH", "ANTHROPIC_API_KEY"}
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    environment = {**kept, "DOCKER_HOST": f"unix://{folder}/none.sock", **variables}
    command = [sys.executable, SCRIPT, *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """A configuration that pushes mirrors."""
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"mirror": {"backend": "github"}, "organisation": {"github": "acme"}}))
    return path


@pytest.mark.sandbox
def test_all_is_there_for_the_demo(tmp_path: Path) -> None:
    done = doctor(tmp_path, "--run", "demo", "--backend", "bubblewrap")
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0].startswith("ok       bubblewrap: sandboxes work, with Node v")
    assert all(line.startswith(("ok  ", "warning  ")) for line in lines)


@pytest.mark.sandbox
def test_a_warning_is_no_failure(tmp_path: Path) -> None:
    done = doctor(tmp_path, "--run", "demo", no_proxy="a", NO_PROXY="b")
    assert done.returncode == 0
    assert "warning  no_proxy and NO_PROXY differ" in done.stdout


def test_every_miss_is_listed_and_the_exit_code_is_1(tmp_path: Path, mine: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    arguments = ["--configfile", str(mine), "--backend", "docker", "--model", "anthropic/claude-x"]
    done = doctor(tmp_path, *arguments, https_proxy=f"http://user:{SECRET}@127.0.0.1:{port}")
    assert done.returncode == 1
    missing = [line.removeprefix("MISSING  ") for line in done.stdout.splitlines() if line.startswith("MISSING")]
    starts = ["no Docker engine answers", "GITHUB_TOKEN is not set", "model anthropic/claude-x: ANTHROPIC_API_KEY"]
    starts.append(f"https_proxy: the proxy http://127.0.0.1:{port} cannot be reached")
    assert len(missing) == len(starts)
    assert all(line.startswith(start) for line, start in zip(missing, starts, strict=True)), missing
    assert done.stderr == "error: 4 of the things that are needed are MISSING, see above\n"
    assert SECRET not in done.stdout + done.stderr


def test_a_wrong_configuration_is_exit_code_2_in_one_line(tmp_path: Path, mine: Path) -> None:
    mine.write_text(f"sandbox: {{password: {SECRET}}}\n")
    wrong = doctor(tmp_path, "--configfile", str(mine))
    gone = doctor(tmp_path, "--configfile", "no.yaml")
    unknown = doctor(tmp_path, "--run", "no-run")
    assert [done.returncode for done in (wrong, gone, unknown)] == [2, 2, 2]
    assert [len(done.stderr.splitlines()) for done in (wrong, gone, unknown)] == [1, 1, 1]
    assert "sandbox.password" in wrong.stderr
    assert SECRET not in wrong.stderr
    assert "unknown run 'no-run'" in unknown.stderr


def test_make_doctor_takes_the_users_file(tmp_path: Path, mine: Path) -> None:
    for name in ("Makefile", "scripts"):
        (tmp_path / name).symlink_to(SCRIPT.parents[1] / name)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    command = ["make", "--no-print-directory", "-o", "setup", "doctor", f"CONFIGFILE={mine}"]
    environment = {**os.environ, "PATH": path, "GITHUB_TOKEN": ""}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 2, "make's own"
    assert "MISSING  GITHUB_TOKEN is not set" in done.stdout
