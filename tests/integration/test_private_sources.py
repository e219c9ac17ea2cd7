"""Private repositories: opened by what the user has set up for git, with no token of it in a file, argument or log."""

import dataclasses
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

import git_server
import upstream
from git_server import GitServer
from tracesmith.environments import profiles, sources
from tracesmith.errors import InfrastructureError

pytestmark = pytest.mark.git_http

TOKEN = "ghp_planted0123456789abcdef"  # noqa: S105 - planted, to be looked for


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[GitServer]:
    """A server with a repository, and a user whose git has no credentials."""
    for name in ("home", "tmp"):
        (tmp_path / name).mkdir()
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    for name in [name for name in os.environ if name.startswith(("GIT_", "SSH_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    upstream.make(tmp_path / "theirs")
    with git_server.serve(tmp_path / "server", TOKEN) as state:
        upstream.git(tmp_path / "theirs", "push", "-q", "--mirror", str(state.make("acme/tool")))
        yield state


def fetch(server: GitServer, tmp_path: Path, ref: str = "v1.0.0") -> dict[str, object]:
    (tmp_path / "fetched").mkdir()
    profile = profiles.read(profiles.FOLDER / "css-what.yaml")
    nothing = {"remove": [], "package_json": {}, "files": {}}
    source = f"git+{server.url}/acme/tool.git@{ref}"
    assert sources.repo_name(source).startswith("acme__tool.")
    return sources.fetch(dataclasses.replace(profile, source=source, **nothing), tmp_path / "fetched")


def script(path: Path, text: str) -> Path:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


@pytest.mark.parametrize("way", ["helper", "helper of the host", "askpass", "askpass of the configuration"])
def test_what_the_user_has_set_up_opens_a_private_repository(
    server: GitServer, tmp_path: Path, way: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Helpers may read any variable of the user's."""
    monkeypatch.setenv("MY_OWN_TOKEN", TOKEN)
    helper = script(tmp_path / "helper", '[ "$1" = get ] && printf "username=me\\npassword=%s\\n" "$MY_OWN_TOKEN"')
    askpass = script(tmp_path / "askpass", 'case "$1" in Username*) echo me ;; *) echo "$MY_OWN_TOKEN" ;; esac')
    lines = {
        "helper": f"[credential]\nhelper = {helper}\n",
        "helper of the host": f'[credential "{server.url}"]\nhelper = "!{helper}"\n',
        "askpass of the configuration": f"[core]\naskPass = {askpass}\n",
    }
    (tmp_path / "home" / ".gitconfig").write_text(lines.get(way, ""))
    if way == "askpass":
        monkeypatch.setenv("GIT_ASKPASS", str(askpass))
    with caplog.at_level(logging.DEBUG):
        remembered = fetch(server, tmp_path)
    assert remembered["commit"] == upstream.git(tmp_path / "theirs", "rev-parse", "v1.0.0")
    assert (tmp_path / "fetched" / "src" / "lf.ts").read_bytes() == upstream.FILES["src/lf.ts"]
    assert server.seen_in_argv == []
    assert TOKEN not in caplog.text + str(remembered)
    assert not any(TOKEN.encode() in path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())


def test_only_the_commit_is_fetched(server: GitServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_ASKPASS", str(script(tmp_path / "askpass", f"echo {TOKEN}")))
    commit = upstream.git(tmp_path / "theirs", "rev-parse", "v1.0.0")
    assert fetch(server, tmp_path, commit)["commit"] == commit
    fetches = [body for body in server.packs_asked if b"want " in body]
    assert len(fetches) == 1
    assert b"deepen 1" in fetches[0]


@pytest.mark.parametrize("password", [None, "wrong"])
def test_a_repository_that_stays_closed_is_one_clear_line_and_no_question(
    server: GitServer, tmp_path: Path, password: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if password:
        monkeypatch.setenv("GIT_ASKPASS", str(script(tmp_path / "askpass", f"echo {password}")))
    with pytest.raises(InfrastructureError, match=r"cannot be fetched: .*credential helper, GIT_ASKPASS"):
        fetch(server, tmp_path)
    assert list((tmp_path / "fetched").iterdir()) == []
    assert not list((tmp_path / "tmp").glob("*/*"))
