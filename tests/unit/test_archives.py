"""Archives: the same tree whatever packs it, no member that leaves the folder, no half of a damaged one."""

import dataclasses
import io
import os
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from tracesmith.environments import archives, profiles, sources
from tracesmith.errors import InputError
from tracesmith.records import check_instance_id

SUFFIXES = [".tar", ".tar.gz", ".tgz", ".tar.xz", ".zip"]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "my tool-1.0"
    (folder / "src").mkdir(parents=True)
    (folder / "package.json").write_text('{"name": "tool"}')
    (folder / "src" / "a.ts").write_bytes(b"one\r\n" * 1000)
    (folder / "src" / "b \xe9.ts").write_bytes(os.urandom(5000))
    (folder / "bin").mkdir()
    (folder / "bin" / "run").write_text("#!/bin/sh\n")
    (folder / "bin" / "run").chmod(0o755)
    (folder / "link").symlink_to("src/a.ts")
    return folder


def zip_info(name: str, mode: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = mode << 16
    info.create_system = 3
    return info


def pack(folder: Path, archive: Path, top: str) -> Path:
    """Pack a folder below a top folder, or below none."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
            for path in sorted(folder.rglob("*")):
                name = str(Path(top) / path.relative_to(folder))
                if path.is_symlink():
                    out.writestr(zip_info(name, 0o120777), str(path.readlink()))
                elif path.is_file():
                    out.writestr(zip_info(name, path.stat().st_mode), path.read_bytes(), zipfile.ZIP_DEFLATED)
    else:
        mode = {".gz": "w:gz", ".tgz": "w:gz", ".xz": "w:xz"}.get(archive.suffix, "w")
        with tarfile.open(archive, mode) as out:
            out.add(folder, top or ".")
    return archive


@pytest.mark.parametrize("suffix", SUFFIXES)
@pytest.mark.parametrize("top", ["", "tool-main"])
def test_an_archive_is_the_folder_that_was_packed(tmp_path: Path, tree: Path, suffix: str, top: str) -> None:
    archive = pack(tree, tmp_path / f"my tool{suffix}", top)
    profile = profiles.read(profiles.FOLDER / "css-what.yaml")
    profile = dataclasses.replace(profile, source=str(archive), remove=[], package_json={}, files={})
    (tmp_path / "fetched").mkdir()
    remembered = sources.fetch(profile, tmp_path / "fetched")
    assert remembered == {"source": str(archive)}
    assert sources.tree_hash(tmp_path / "fetched") == sources.tree_hash(tree)
    assert (tmp_path / "fetched" / "link").is_symlink()
    name = sources.repo_name(str(archive))
    assert name == f"local__my-tool.{sources.tree_hash(tree)[:8]}"
    check_instance_id(f"{name}.func_pm_x__abcdefgh", "test")


def test_the_name_follows_what_the_archive_holds(tmp_path: Path, tree: Path) -> None:
    before = sources.repo_name(str(pack(tree, tmp_path / "x.tar", "")))
    (tree / "src" / "a.ts").write_text("two")
    assert sources.repo_name(str(pack(tree, tmp_path / "x.tar", ""))) != before


def test_history_and_installed_packages_are_left_out(tmp_path: Path, tree: Path) -> None:
    hashed = sources.tree_hash(tree)
    for name in (".git", "node_modules", "src/.git"):
        (tree / name).mkdir()
        (tree / name / "x").touch()
    archives.unpack(pack(tree, tmp_path / "x.tgz", "top"), fresh(tmp_path))
    found = {path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*")}
    assert not any(".git" in name or "node_modules" in name for name in found)
    assert sources.tree_hash(tmp_path / "out") == hashed


def test_hard_links_and_members_that_stand_twice_are_taken(tmp_path: Path) -> None:
    archive = tmp_path / "x.tar"
    with tarfile.open(archive, "w") as out:
        add(out, "t/a", b"first")
        add(out, "t/a", b"second")
        add(out, "t/b", b"", tarfile.LNKTYPE, "t/a")
        add(out, "t/c", b"", tarfile.SYMTYPE, "/etc/passwd")
        add(out, "t/c", b"a file in the end")
    archives.unpack(archive, fresh(tmp_path))
    assert {path.name: path.read_text() for path in (tmp_path / "out").iterdir()} == {
        "a": "second",
        "b": "second",
        "c": "a file in the end",
    }


def fresh(tmp_path: Path) -> Path:
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def add(out: tarfile.TarFile, name: str, data: bytes = b"x", kind: bytes = tarfile.REGTYPE, target: str = "") -> None:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(data), kind, target
    out.addfile(info, io.BytesIO(data))


EVIL_TARS: dict[str, Callable[[tarfile.TarFile], None]] = {
    "above": lambda out: add(out, "../../x"),
    "above, below the top": lambda out: add(out, "t/../../x"),
    "absolute": lambda out: add(out, "/{}/x"),
    "absolute link": lambda out: add(out, "t/l", b"", tarfile.SYMTYPE, "/etc"),
    "link above": lambda out: add(out, "t/l", b"", tarfile.SYMTYPE, "../../x"),
    "link through a link": lambda out: (
        add(out, "t/d/e/f/up", b"", tarfile.SYMTYPE, "../../.."),
        add(out, "t/l", b"", tarfile.SYMTYPE, "d/e/f/up/../x"),
    ),
    "file below a link": lambda out: (add(out, "t/l", b"", tarfile.SYMTYPE, ".."), add(out, "t/l/x")),
    "link below a link": lambda out: (
        add(out, "t/l/m", b"", tarfile.SYMTYPE, "."),
        add(out, "t/l", b"", tarfile.SYMTYPE, "."),
    ),
    "hard link to nowhere": lambda out: add(out, "t/h", b"", tarfile.LNKTYPE, "/etc/passwd"),
    "device": lambda out: add(out, "t/null", b"", tarfile.CHRTYPE),
    "pipe": lambda out: add(out, "t/pipe", b"", tarfile.FIFOTYPE),
    "file and folder": lambda out: (add(out, "t/a"), add(out, "t/a/b")),
}


@pytest.mark.parametrize("name", EVIL_TARS)
@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_a_member_that_would_leave_the_folder_is_refused(tmp_path: Path, name: str, suffix: str) -> None:
    archive = tmp_path / f"evil{suffix}"
    with tarfile.open(archive, "w:gz" if suffix.endswith("gz") else "w") as out:
        add(out, "t/good")
        EVIL_TARS[name](out)
    with pytest.raises(InputError, match=r"evil\.tar") as raised:
        archives.unpack(archive, fresh(tmp_path))
    assert "\n" not in str(raised.value)
    assert {path.name for path in tmp_path.iterdir()} == {archive.name, "out"}
    with pytest.raises(InputError):
        sources.repo_name(str(archive))


@pytest.mark.parametrize(
    ("name", "mode", "data"),
    [
        ("../x", 0o644, "x"),
        ("t/../../x", 0o644, "x"),
        ("/x", 0o644, "x"),
        ("t/l", 0o120777, "/etc"),
        ("t/l", 0o120777, "../x"),
    ],
)
def test_a_member_of_a_zip_that_would_leave_the_folder_is_refused(
    tmp_path: Path, name: str, mode: int, data: str
) -> None:
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as out:
        out.writestr("t/good", "x")
        out.writestr(zip_info(name, mode), data)
    with pytest.raises(InputError, match=r"evil\.zip"):
        archives.unpack(tmp_path / "evil.zip", fresh(tmp_path))
    assert {path.name for path in tmp_path.iterdir()} == {"evil.zip", "out"}


DAMAGES = ["empty", "text", "half", "almost whole", "header", "flipped"]


@pytest.mark.parametrize(
    ("damage", "suffix"),  # a plain tar has no checksum of its contents
    [(damage, suffix) for damage in DAMAGES for suffix in SUFFIXES if (damage, suffix) != ("flipped", ".tar")],
)
def test_a_damaged_archive_is_one_clear_line(tmp_path: Path, tree: Path, damage: str, suffix: str) -> None:
    data = bytearray(pack(tree, tmp_path / f"x{suffix}", "t").read_bytes())
    if damage == "header":
        place = 1024 if suffix == ".tar" else 3
        data[place : place + 8] = b"\xff" * 8
    elif damage == "flipped":
        data[len(data) // 2] ^= 0xFF
    parts = {"empty": b"", "text": b"not an archive\n" * 100, "half": data[: len(data) // 2]}
    whole = data[:5120] if suffix == ".tar" else data[:-4]
    (tmp_path / f"x{suffix}").write_bytes({**parts, "almost whole": whole}.get(damage, bytes(data)))
    with pytest.raises(InputError, match="damaged or cannot be read") as raised:
        sources.repo_name(str(tmp_path / f"x{suffix}"))
    assert "\n" not in str(raised.value)


def test_an_archive_of_nothing_is_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "x.tar", "w"):
        pass
    with pytest.raises(InputError, match="holds no file"):
        archives.unpack(tmp_path / "x.tar", fresh(tmp_path))


def test_what_gnu_tar_and_git_pack_is_read(tmp_path: Path, tree: Path) -> None:
    if shutil.which("tar"):
        subprocess.run(["tar", "-cJf", tmp_path / "gnu.tar.xz", "-C", tree, "."], check=True)
        archives.unpack(tmp_path / "gnu.tar.xz", fresh(tmp_path))
        assert sources.tree_hash(tmp_path / "out") == sources.tree_hash(tree)
    environment = {**os.environ, "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    for command in (["init", "-q"], ["add", "-A"], ["-c", "user.name=x", "-c", "user.email=x", "commit", "-qm", "x"]):
        subprocess.run(["git", "-C", tree, *command], check=True, env=environment)
    for suffix in ("tar.gz", "zip"):
        made = tmp_path / f"git.{suffix}"
        subprocess.run(["git", "-C", tree, "archive", "--prefix=tool-1/", "-o", made, "HEAD"], check=True)
        (tmp_path / suffix).mkdir()
        archives.unpack(made, tmp_path / suffix)
        assert sources.tree_hash(tmp_path / suffix) == sources.tree_hash(tree)
