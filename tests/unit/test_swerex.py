"""The server that SWE-agent works through: swe-rex's protocol over a sandbox."""

import io
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from local_box import LocalBox
from tracesmith.agents import swerex
from tracesmith.agents.swerex_server import RexServer


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[RexServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    (tmp_path / "testbed").mkdir()
    with RexServer(LocalBox(tmp_path / "testbed")) as made:
        post(made, "create_session", session="default")
        yield made


def ask(server: RexServer, path: str, **more: Any) -> requests.Response:
    more.setdefault("headers", {"X-API-Key": server.token})
    return requests.post(f"http://127.0.0.1:{server.port}/{path}", timeout=60, **more)


def post(server: RexServer, endpoint: str, **body: Any) -> Any:
    done = ask(server, endpoint, json=body)
    assert done.status_code == 200, done.text
    return done.json()


def run(server: RexServer, command: str, check: str = "silent", **more: Any) -> tuple[str, int | None]:
    body = {"action_type": "bash", "session": "default", "command": command, "check": check, "timeout": 20, **more}
    seen = post(server, "run_in_session", **body)
    return seen["output"], seen["exit_code"]


def refusal(server: RexServer, endpoint: str, **body: Any) -> tuple[str, str]:
    done = ask(server, endpoint, json=body)
    assert done.status_code == 511
    told = done.json()["swerexception"]
    return told["class_path"].rpartition(".")[2], told["message"]


def test_a_shell_keeps_its_folder_variables_functions_and_aliases(server: RexServer) -> None:
    run(server, "mkdir -p 'a b' && cd 'a b' && export X='1\n\"2\"' && f() { echo \"f $1\"; }")
    assert run(server, "pwd | tail -c 4") == ("a b", 0)
    assert run(server, 'echo "$X"; f 3') == ('1\n"2"\nf 3', 0)
    run(server, "unset X; cd ..")
    assert run(server, 'echo "[$X]"') == ("[]", 0)


@pytest.mark.parametrize(
    ("command", "seen"),
    [
        ("false", ("", 1)),
        ("exit 7", ("", 7)),
        ("echo out; echo err >&2", ("out\nerr", 0)),
        ("cat", ("", 0)),
        ('read x; echo "[$x]"', ("[]", 0)),
        ("printf 'a\\nb' ; (exit 3)", ("a\nb", 3)),
        ("cat <<'E'\n$HOME `x`\nE", ("$HOME `x`", 0)),
        ("printf '\\377'", ("\ufffd", 0)),
        ("exec true", ("", 0)),
        ("set -e; false; echo no", ("", 1)),
    ],
)
def test_a_command_ends_with_its_output_and_code(server: RexServer, command: str, seen: tuple[str, int]) -> None:
    assert run(server, command) == seen
    assert run(server, "echo still here") == ("still here", 0)


def test_a_command_longer_than_an_argument_may_be_is_run(server: RexServer) -> None:
    text = "x" * 300_000
    assert run(server, f"cat > long <<'E'\n{text}\nE\nwc -c < long") == ("300001", 0)


def test_what_swe_rex_raises_is_raised(server: RexServer) -> None:
    body = {"action_type": "bash", "session": "default", "timeout": 20}
    assert refusal(server, "run_in_session", **body, command="if true; then")[0] == "BashIncorrectSyntaxError"
    assert refusal(server, "run_in_session", **body, command="false", check="raise")[0] == "NonZeroExitCodeError"
    assert refusal(server, "run_in_session", **{**body, "session": "x"}, command="ls")[0] == "SessionDoesNotExistError"
    assert refusal(server, "create_session", session="default")[0] == "SessionExistsError"
    assert refusal(server, "read_file", path="/testbed/nothing")[0] == "FileNotFoundError"
    assert refusal(server, "execute", command="false", check=True)[0] == "NonZeroExitCodeError"
    assert run(server, "false", check="ignore") == ("", None)


def test_who_refuses_lets_the_command_under_way_end_and_runs_no_other(server: RexServer) -> None:
    with ThreadPoolExecutor(1) as pool:
        under_way = pool.submit(run, server, "touch begun; sleep 1; touch ended; echo done")
        folder = server.runtime.box.folder  # type: ignore[attr-defined]
        while not (folder / "begun").exists():
            time.sleep(0.01)
        server.refuse()
        assert (folder / "ended").exists()
        assert under_way.result() == ("done", 0)
    body = {"action_type": "bash", "session": "default", "command": "touch late", "timeout": 20}
    assert refusal(server, "run_in_session", **body)[0] == "SwerexException"
    assert not (folder / "late").exists()


def test_files_are_written_read_and_uploaded(server: RexServer) -> None:
    post(server, "write_file", path="/testbed/d/a.txt", content="\u00e9\n")
    assert post(server, "read_file", path="/testbed/d/a.txt")["content"] == "\u00e9\n"
    data = bytes(range(256)) + b"\r\n--x\r\n"
    form = {"target_path": "/testbed/up/b.bin", "unzip": "false"}
    assert ask(server, "upload", files={"file": ("b.bin", data)}, data=form).status_code == 200
    assert (server.runtime.box.folder / "up/b.bin").read_bytes() == data  # type: ignore[attr-defined]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("bin/tool", "#!/bin/sh\necho /root/state.json\n")
        archive.writestr("data", data)
    form = {"target_path": "/testbed/tools/x", "unzip": "true"}
    assert ask(server, "upload", files={"file": ("x.zip", out.getvalue())}, data=form).status_code == 200
    assert run(server, "sh tools/x/bin/tool; cmp tools/x/data up/b.bin") == (f"{swerex.HOME}/state.json", 0)


def test_a_command_outside_of_the_shell_has_its_own_variables_and_folder(server: RexServer) -> None:
    run(server, "mkdir sub; cd sub; export X=1")
    done = post(server, "execute", command='echo "$X$Y"; pwd | tail -c 8', env={"Y": "2"})
    assert done == {"stdout": "2\ntestbed\n", "stderr": "", "exit_code": 0}
    assert post(server, "execute", command=["echo", "a b"], cwd="/testbed/sub")["stdout"] == "a b\n"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("cd /root/tools/x && ls", "cd /tmp/home/tools/x && ls"),
        ("export PATH=/root/tools/bin:$PATH", "export PATH=/tmp/home/tools/bin:$PATH"),
        ('Path("/root/state.json")', 'Path("/tmp/home/state.json")'),
        ("cat src/root/x /a/root/y", "cat src/root/x /a/root/y"),
        ("echo /rootless /root", "echo /rootless /root"),
    ],
)
def test_the_home_of_swe_agents_tools_is_where_an_agent_may_write(text: str, wanted: str) -> None:
    assert swerex.at_home(text) == wanted


@pytest.mark.parametrize("headers", [{}, {"X-API-Key": "x"}])
def test_nobody_without_the_token_is_served(server: RexServer, headers: dict[str, str]) -> None:
    assert ask(server, "execute", json={"command": "ls", "shell": True}, headers=headers).status_code == 401
    assert requests.get(f"http://127.0.0.1:{server.port}/is_alive", headers=headers, timeout=60).status_code == 401
    assert ask(server, "nowhere", json={}).status_code == 404
    given = {"X-API-Key": server.token}
    assert requests.get(f"http://127.0.0.1:{server.port}/is_alive", headers=given, timeout=60).json()["is_alive"]
