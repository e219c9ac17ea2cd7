"""Archives as sources: tar and zip files, unpacked by readers of ours; no member may leave the folder."""

import gzip
import lzma
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO

from tracesmith.environments.trees import TreeWriter, check_links
from tracesmith.errors import InputError

SUFFIXES = (".tar.gz", ".tgz", ".tar.xz", ".tar", ".zip")
# What the readers raise when an archive is broken, encrypted, or packed in a way they do not know.
DAMAGED = (
    tarfile.TarError,
    zipfile.BadZipFile,
    gzip.BadGzipFile,
    lzma.LZMAError,
    zlib.error,
    struct.error,
    EOFError,
    LookupError,
    NotImplementedError,
    RuntimeError,
    ValueError,
)


@dataclass(frozen=True)
class Member:
    """A file or link of an archive."""

    path: PurePosixPath
    open: Callable[[], IO[bytes]]
    program: bool = False
    target: str | None = None
    """Where a link leads."""


def stem(path: Path) -> str:
    """Return an archive's file name without its suffix, or an empty text when it has no suffix of an archive."""
    return next((path.name[: -len(suffix)] for suffix in SUFFIXES if path.name.lower().endswith(suffix)), "")


def unpack(path: Path, folder: Path, where: str = "", *, strip: bool = False) -> None:
    """
    Unpack an archive into an empty folder, less .git and the installed packages at its top.

    One top folder that holds everything is stripped; with `strip` (npm's tarballs) the first folder always is. Raises
    InputError, which says where, for an archive that is damaged or has a member that would leave the folder.
    """
    where = where or str(path)
    writer = TreeWriter(folder, where)
    opened = _opened_zip if path.name.lower().endswith(".zip") else _opened_tar
    try:
        with opened(path) as members:
            top = 1 if strip or _has_one_top(members) else 0
            for member in members:
                _write(member, top, writer)
    except DAMAGED as error:
        raise InputError(f"{where}: the archive is damaged or cannot be read ({_reason(error)})") from None
    writer.finish()
    check_links(folder, where)
    if not any(folder.iterdir()):
        raise InputError(f"{where}: the archive holds no file")


def _has_one_top(members: list[Member]) -> bool:
    tops = {member.path.parts[:1] for member in members}
    return len(tops) == 1 and all(len(member.path.parts) > 1 for member in members)


def _write(member: Member, top: int, writer: TreeWriter) -> None:
    path = member.path
    if not path.is_absolute():
        path = PurePosixPath(*path.parts[top:])
        if not path.parts or ".git" in path.parts or path.parts[0] == "node_modules":
            return
    if member.target is not None:
        writer.link(path, member.target)
        return
    with member.open() as data:
        writer.file(path, data, member.program)


@contextmanager
def _opened_tar(path: Path) -> Iterator[list[Member]]:
    with tarfile.open(path, "r:*", errorlevel=2) as tar:
        found = tar.getmembers()
        _check_end(tar)
        yield [_tar_member(tar, info) for info in found if not info.isdir()]


def _check_end(tar: tarfile.TarFile) -> None:
    """Raise ReadError when the archive ends in the middle, which tarfile takes for its end."""
    stream = tar.fileobj
    if stream is None:
        raise tarfile.ReadError("not open")
    stream.seek(tar.offset)
    block = stream.read(tarfile.BLOCKSIZE)
    if block.strip(b"\0") or 0 < len(block) < tarfile.BLOCKSIZE:
        raise tarfile.ReadError("a member's header is broken")
    if not block and isinstance(tar.name, str) and tar.name.lower().endswith(".tar"):
        raise tarfile.ReadError("unexpected end of data")
    while stream.read(1 << 20):  # to the end, where a compressed stream has its checksum
        pass


def _tar_member(tar: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    def _read() -> IO[bytes]:
        data = tar.extractfile(info)
        if data is None:
            raise tarfile.ReadError(f"{info.name!r} has no content")
        return data

    path = PurePosixPath(info.name)
    if info.issym():
        return Member(path, _read, target=info.linkname)
    if not (info.isfile() or info.islnk()):
        raise InputError(f"{tar.name!s}: the member {info.name!r} is neither a file, a folder nor a link")
    return Member(path, _read, program=bool(info.mode & 0o111))


@contextmanager
def _opened_zip(path: Path) -> Iterator[list[Member]]:
    with zipfile.ZipFile(path) as archive:
        yield [_zip_member(archive, info) for info in archive.infolist() if not info.is_dir()]


def _zip_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    mode = info.external_attr >> 16
    path = PurePosixPath(info.filename)
    if stat.S_ISLNK(mode):
        target = archive.read(info).decode("utf-8", "surrogateescape")
        return Member(path, BytesIO, target=target)
    return Member(path, lambda: archive.open(info), program=bool(mode & 0o111))


def _reason(error: BaseException) -> str:
    return str(error).strip().splitlines()[0].rstrip(":") if str(error).strip() else type(error).__name__
