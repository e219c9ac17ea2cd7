"""Git sources: the bytes of one commit whatever anybody configures, and one clear line where there is none."""

import dataclasses
import logging
import os
import re
from pathlib import Path
from typing import Any

import pytest

import upstream
from tracesmith import scratch
from tracesmith.environments import profiles, repositories, sources
from tracesmith.environments.profiles import Profile
from tracesmith.errors import InfrastructureError, InputError
from tracesmith.records import check_instance_id

COMMIT = "0123456789abcdef0123456789abcdef01234567"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 12345\n"
SECRET = "pa55-planted"  # noqa: S105 - planted, to be looked for


@pytest.fixture(autouse=True)
def own_scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(tmp_path / "tmp"))
    monkeypatch.setattr("tempfile.tempdir", None)
    return tmp_path / "tmp"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    upstream.make(tmp_path / "acme" / "tool")
    return tmp_path / "acme" / "tool"


def url(repository: Path) -> str:
    return f"git+{repository.as_uri()}"


def profile(source: str, **changes: Any) -> Profile:
    ours = profiles.read(profiles.FOLDER / "css-what.yaml")
    return dataclasses.replace(ours, source=source, **{"remove": [], "package_json": {}, "files": {}, **changes})


def fetch(tmp_path: Path, source: str, **changes: Any) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path / "fetched"
    folder.mkdir()
    return folder, sources.fetch(profile(source, **changes), folder)


def contents(folder: Path) -> dict[str, bytes]:
    found = [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


@pytest.mark.parametrize(
    ("source", "name"),
    [
        (f"git+https://github.com/colinhacks/zod.git@{COMMIT}", "colinhacks__zod.01234567"),
        (f"git+https://github.com/colinhacks/zod@{COMMIT.upper()}", "colinhacks__zod.01234567"),
        ("git+https://github.com/colinhacks/zod@v3.23.8", "colinhacks__zod.v3.23.8"),
        ("git+https://github.com/o/r@refs/tags/v1", "o__r.v1"),
        ("git+https://host:8443/group/sub/r.git@release/1.0", "sub__r.release-1.0"),
        ("git+ssh://git@host/o/r@@scope/r@1.2.3", "o__r.-scope-r-1.2.3"),
        ("git+ssh://git@host/r.git@v1", "local__r.v1"),
        (f"git+file:///srv/git/o/r.git@{COMMIT}", "local__r.01234567"),
        ("git+https://host/o%20x/r~y@v1", "o-x__r-y.v1"),
    ],
)
def test_names_need_no_network(source: str, name: str) -> None:
    assert sources.repo_name(source) == name
    check_instance_id(f"{name}.func_pm_x__abcdefgh", "test")


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("git+https://github.com/o/r", "wanted is git+URL@COMMIT"),
        ("git+ssh://git@host/o/r", "wanted is git+URL@COMMIT"),
        ("git+git@github.com:o/r.git@v1", "wanted is git+URL@COMMIT"),
        ("git+ext::sh -c id@v1", "wanted is git+URL@COMMIT"),
        ("git+ftp://host/o/r@v1", "wanted is git+URL@COMMIT"),
        ("git+https://host/o/r?token=x@v1", "wanted is git+URL@COMMIT"),
        ("git+https://host/o/r@", "wanted is git+URL@COMMIT"),
        ("git+https://host/o/r@main", "main moves; write the commit"),
        ("git+https://host/o/r@HEAD", "HEAD moves"),
        ("git+https://host/o/r@refs/heads/dev", "refs/heads/dev moves"),
        ("git+https://host/o/r@-x", "belongs a commit"),
        ("git+https://host/o/r@a..b", "belongs a commit"),
        ("git+https://host/o/r@v1^{tree}", "belongs a commit"),
        ("git+ssh://-oProxyCommand=id/o/r@v1", "host cannot be understood"),
        ("git+ssh://-x@host/o/r@v1", "host cannot be understood"),
        ("git+file://host/o/r@v1", "host cannot be understood"),
        (f"git+https://me:{SECRET}@host/o/r@v1", "credential helper"),
        (f"git+https://{SECRET}@host/o/r@v1", "credential helper"),
        (f"git+ssh://git:{SECRET}@host/o/r@v1", "credential helper"),
        (f"git+https://me:{SECRET}@host/o/r", "wanted is git+URL@COMMIT"),
        (f"git+https://me:a@{SECRET}@host/o/r@v1", ""),
        (f"git+https://me:a/{SECRET}@host/o/r@v1", ""),
        (f"git:https://me:{SECRET}@host/o/r@v1", "neither npm:NAME@VERSION"),
    ],
)
def test_what_names_no_commit_or_holds_a_password_is_refused(source: str, said: str) -> None:
    with pytest.raises(InputError) as raised:
        sources.repo_name(source)
    assert said in str(raised.value)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize("ref", ["commit", "v1.0.0", "refs/tags/v1.0.0", "@scope/tool@1.0.0"])
def test_the_tree_has_the_bytes_of_the_commit(
    repository: Path, tmp_path: Path, ref: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = upstream.git(repository, "rev-parse", "v1.0.0")
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / ".gitconfig").write_text(
        '[core]\nautocrlf = true\n[filter "evil"]\nsmudge = rev\n[url "file:///nowhere/"]\ninsteadOf = file:///\n'
    )
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("GIT_DIR", str(tmp_path / "nowhere"))
    folder, remembered = fetch(tmp_path, f"{url(repository)}@{first if ref == 'commit' else ref}")
    assert contents(folder) == upstream.FILES
    assert os.access(folder / "bin" / "run", os.X_OK)
    assert not os.access(folder / "src" / "lf.ts", os.X_OK)
    assert (folder / "link").readlink() == Path("src/lf.ts")
    assert (remembered["commit"], remembered["submodules"]) == (first, [])


def test_nothing_of_the_repository_runs(repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    for place in (hooks, repository / ".git" / "hooks"):
        place.mkdir(exist_ok=True)
        for name in ("post-checkout", "post-merge", "reference-transaction", "post-index-change", "pre-auto-gc"):
            (place / name).write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
            (place / name).chmod(0o755)
    (tmp_path / ".gitconfig").write_text(f"[core]\nhooksPath = {hooks}\n[init]\ntemplateDir = {tmp_path}\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("GIT_TEMPLATE_DIR", str(tmp_path))
    fetch(tmp_path, f"{url(repository)}@v1.0.0")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("protocol", ["0", "2"])
def test_a_commit_is_fetched_over_the_users_ssh(
    repository: Path, tmp_path: Path, protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With protocol 0 the server gives no commit that is not the tip of a branch: everything is fetched."""
    ssh = tmp_path / "ssh"
    ssh.write_text(
        f'#!/bin/sh\n[ {protocol} = 2 ] || unset GIT_PROTOCOL\necho "$@" >>"$0.log"\n'
        'for last; do :; done\neval "exec $last"\n'
    )
    ssh.chmod(0o755)
    monkeypatch.setenv("GIT_SSH_COMMAND", str(ssh))
    for name in ("one", "two"):
        (repository / name).touch()
        last = upstream.commit(repository)
    wanted = upstream.git(repository, "rev-parse", f"{last}~1")
    folder, remembered = fetch(tmp_path, f"git+ssh://git@host.example{repository}@{wanted}")
    assert (folder / "one").exists()
    assert not (folder / "two").exists()
    assert remembered["commit"] == wanted
    assert "git@host.example" in Path(f"{ssh}.log").read_text()


@pytest.mark.parametrize(
    ("ref", "said"),
    [
        ("v9", "'v9' is no tag of this repository; write the commit"),
        ("dev", "'dev' is a branch, which moves; write the commit with its 40 characters, which is {dev} now"),
        (COMMIT, f"'{COMMIT}' names no commit"),
        ("{tree}", "names no commit"),
        ("{dev:.8}", "is no tag of this repository; write the commit with its 40 characters"),
    ],
)
def test_what_is_not_there_is_one_clear_line(
    repository: Path, tmp_path: Path, own_scratch: Path, ref: str, said: str
) -> None:
    upstream.git(repository, "branch", "dev")
    names = {"dev": upstream.git(repository, "rev-parse", "dev"), "tree": upstream.git(repository, "rev-parse", "dev:")}
    with pytest.raises(InputError) as raised:
        fetch(tmp_path, f"{url(repository)}@{ref.format(**names)}")
    assert said.format(**names) in str(raised.value)
    assert contents(tmp_path / "fetched") == {}
    assert not list(own_scratch.glob("*/*"))


@pytest.mark.parametrize("source", ["git+file:///nowhere/x@v1", f"git+http://127.0.0.1:9/o/r@{COMMIT}"])
def test_a_source_that_cannot_be_reached_is_no_mistake_of_input(tmp_path: Path, own_scratch: Path, source: str) -> None:
    with pytest.raises(InfrastructureError, match=r"cannot be fetched: .*check the URL"):
        fetch(tmp_path, source)
    assert not list(own_scratch.glob("*/*"))


def test_submodules_are_left_out_and_named(repository: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    upstream.git(repository, "update-index", "--add", "--cacheinfo", f"160000,{COMMIT},vendor/lib")
    upstream.git(repository, "commit", "-q", "-m", "submodule")
    commit = upstream.git(repository, "rev-parse", "HEAD")
    with caplog.at_level(logging.WARNING):
        folder, remembered = fetch(tmp_path, f"{url(repository)}@{commit}")
    assert remembered["submodules"] == ["vendor/lib"]
    assert "1 submodules are left out: vendor/lib" in caplog.text
    assert not (folder / "vendor").exists()


def test_pointers_of_lfs_are_refused_unless_the_profile_takes_them_out(repository: Path, tmp_path: Path) -> None:
    (repository / "docs").mkdir()
    (repository / "docs" / "film.mp4").write_bytes(POINTER)
    source = f"{url(repository)}@{upstream.commit(repository)}"
    with pytest.raises(InputError, match=r"1 files are pointers of Git LFS.*'docs/film\.mp4'.*key `remove`"):
        fetch(tmp_path, source)
    (tmp_path / "fetched").rename(tmp_path / "refused")
    folder, _ = fetch(tmp_path, source, remove=["docs"])
    assert (folder / "src").is_dir()


@pytest.mark.parametrize("target", ["/etc/passwd", "../../x", "link/../../../x"])
def test_a_link_that_leads_out_is_refused_unless_the_profile_takes_it_out(
    repository: Path, tmp_path: Path, target: str
) -> None:
    (repository / "src" / "out").symlink_to(target)
    source = f"{url(repository)}@{upstream.commit(repository)}"
    with pytest.raises(InputError, match="src/out is a link that leads out of the repository; take it out"):
        fetch(tmp_path, source, package_json={"name": "other"})
    (tmp_path / "fetched").rename(tmp_path / "refused")
    fetch(tmp_path, source, remove=["src/out"])


@pytest.mark.parametrize("name", ["..", ".", ".git", ".GIT", "a/../../x", "/x"])
def test_a_tree_that_git_would_not_make_is_refused(repository: Path, tmp_path: Path, name: str) -> None:
    blob = upstream.git(repository, "rev-parse", "HEAD:package.json")
    raw = f"100644 {name}\0".encode() + bytes.fromhex(blob)
    tree = upstream.git(repository, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=raw)
    upstream.git(repository, "tag", "bad", upstream.git(repository, "commit-tree", tree, "-m", "bad"))
    with pytest.raises(InputError, match="must not be written"):
        fetch(tmp_path, f"{url(repository)}@bad")
    assert contents(tmp_path / "fetched") == {}
    assert not (tmp_path / "x").exists()


def test_no_file_is_written_through_a_link_of_the_same_tree(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    blob = upstream.git(repository, "rev-parse", "HEAD:package.json")
    link = upstream.git(repository, "hash-object", "-w", "--stdin", stdin=str(tmp_path / "outside").encode())
    below = upstream.git(repository, "mktree", stdin=f"100644 blob {blob}\tx\n".encode())
    raw = b"120000 a\0" + bytes.fromhex(link) + b"40000 a\0" + bytes.fromhex(below)
    tree = upstream.git(repository, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", stdin=raw)
    upstream.git(repository, "tag", "bad", upstream.git(repository, "commit-tree", tree, "-m", "bad"))
    with pytest.raises(InputError, match="stands below a link"):
        fetch(tmp_path, f"{url(repository)}@bad")
    assert list((tmp_path / "outside").iterdir()) == []


def test_the_same_commit_has_the_same_hash_by_any_way(repository: Path, tmp_path: Path) -> None:
    first, _ = fetch(tmp_path, f"{url(repository)}@v1.0.0")
    hashed = sources.tree_hash(first)
    first.rename(tmp_path / "first")
    second, _ = fetch(tmp_path, f"{url(repository)}@{upstream.git(repository, 'rev-parse', 'v1.0.0')}")
    assert sources.tree_hash(second) == hashed
    assert re.fullmatch(r"[0-9a-f]{64}", hashed)


def test_scratch_of_a_fetch_is_gone(repository: Path, tmp_path: Path, own_scratch: Path) -> None:
    fetch(tmp_path, f"{url(repository)}@v1.0.0")
    assert scratch.roots()[0].parent == own_scratch
    assert not list(own_scratch.glob("*/*"))
    assert repositories.read(f"{url(repository)}@v1.0.0").owner == "local"
