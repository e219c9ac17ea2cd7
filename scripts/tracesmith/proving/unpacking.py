"""
Every plain text that stands in a file, as deep as archives and encodings go.

Read are gzip, zlib, bzip2, xz, zip, tar, git's packs, bundles and loose objects, base64 and percent encoding, and the
escapes of HTML and JSON. What is packed by another rule is named as unread.
"""

import base64
import bz2
import gzip
import html
import io
import lzma
import re
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from tracesmith import git, scratch
from tracesmith.errors import TracesmithError

DEEPEST = 4
MOST_BYTES = 2**30
"""Of one unpacked file; more is unread, since it may be a bomb."""
ENCODED = re.compile(rb"[A-Za-z0-9+/_-]{32}[A-Za-z0-9+/_\r\n-]{32,}")
URL_SAFE = bytes.maketrans(b"-_", b"+/")
UNICODE = re.compile(rb"\\u00([0-7][0-9a-fA-F])")
OTHERS = {b"\x28\xb5\x2f\xfd": "zstd", b"7z\xbc\xaf\x27\x1c": "7z", b"Rar!\x1a\x07": "rar"}
BUNDLES = (b"# v2 git bundle\n", b"# v3 git bundle\n")
BROKEN = (OSError, EOFError, ValueError, zlib.error, lzma.LZMAError, tarfile.TarError, zipfile.BadZipFile)
# zipfile says so of a password, and of a method that it does not know
UNREADABLE = (*BROKEN, RuntimeError, NotImplementedError)


class TooLargeError(TracesmithError):
    """What is packed is larger than anything that is looked through."""


@dataclass(frozen=True)
class Part:
    """A text, or a part that could not be read, by the way to it: `a.tgz > package/x.js`."""

    name: str
    data: bytes
    unread: str = ""
    """Why it could not be read; empty where it could."""


def parts(name: str, data: bytes, depth: int = 0) -> Iterator[Part]:
    """Yield a file, and all that is packed or encoded in it."""
    yield Part(name, data)
    yield from (Part(name, text) for text in _decoded(data))
    packed = next((unpack for holds, unpack in PACKED if holds(data)), None)
    other = next((kind for magic, kind in OTHERS.items() if data.startswith(magic)), None)
    if other or (name.endswith(".br") and data):
        yield Part(name, b"", unread=f"packed by {other or 'brotli'}")
    if packed is None:
        return
    if depth >= DEEPEST:
        yield Part(name, b"", unread=f"packed more than {DEEPEST} times")
        return
    try:
        for inner, text in packed(data):
            yield from parts(f"{name} > {inner}" if inner else name, text, depth + 1)
    except (*UNREADABLE, TooLargeError) as error:
        if packed is not _zlib:  # any text may begin with its two bytes
            yield Part(name, b"", unread=f"not readable as what it begins like: {error}")


def _decoded(data: bytes) -> Iterator[bytes]:
    for match in ENCODED.finditer(data):
        text = match[0].translate(URL_SAFE, b"\r\n")
        text = text[: len(text) - (len(text) % 4 == 1)]
        yield base64.b64decode(text + b"=" * (-len(text) % 4))
    if b"%20" in data or b"%0A" in data:
        yield unquote_to_bytes(data)
    if b"&lt;" in data or b"&gt;" in data or b"&amp;" in data or b"&#" in data:
        yield html.unescape(data.decode("latin-1")).encode("latin-1", "replace")
    if b"\\u00" in data:
        yield UNICODE.sub(lambda match: bytes([int(match[1], 16)]), data)


def _limited(stream: io.BufferedIOBase | gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile) -> bytes:
    data = stream.read(MOST_BYTES + 1)
    if len(data) > MOST_BYTES:
        raise TooLargeError(f"more than {MOST_BYTES} bytes")
    return data


def _gzip(data: bytes) -> Iterator[tuple[str, bytes]]:
    with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
        yield "", _limited(stream)


def _bz2(data: bytes) -> Iterator[tuple[str, bytes]]:
    with bz2.BZ2File(io.BytesIO(data)) as stream:
        yield "", _limited(stream)


def _xz(data: bytes) -> Iterator[tuple[str, bytes]]:
    with lzma.LZMAFile(io.BytesIO(data)) as stream:
        yield "", _limited(stream)


def _zlib(data: bytes) -> Iterator[tuple[str, bytes]]:
    made = zlib.decompressobj().decompress(data, MOST_BYTES + 1)
    if len(made) > MOST_BYTES:
        raise TooLargeError(f"more than {MOST_BYTES} bytes")
    yield "", made


def _zip(data: bytes) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            if info.file_size > MOST_BYTES:
                raise TooLargeError(f"more than {MOST_BYTES} bytes")
            yield info.filename, archive.read(info)


def _tar(data: bytes) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for member in archive:
            stream = archive.extractfile(member) if member.isfile() else None
            if stream:
                yield member.name, stream.read()


def _pack(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Let git read a pack, or the one at the end of a bundle, and yield its objects."""
    pack = data[data.index(b"\n\nPACK") + 2 :] if data.startswith(BUNDLES) else data
    with scratch.folder() as folder:
        here = ["git", "--git-dir", str(folder / "x")]
        _git(["git", "init", "-q", "--bare", str(folder / "x")])
        _git([*here, "index-pack", "--stdin"], pack)
        out = _git([*here, "cat-file", "--batch-all-objects", "--batch"])
    position = 0
    while position < len(out):
        end = out.index(b"\n", position)
        name, _, size = out[position:end].decode().split(" ")
        yield name, out[end + 1 : end + 1 + int(size)]
        position = end + 2 + int(size)


def _git(command: list[str], stdin: bytes = b"") -> bytes:
    done = subprocess.run(command, input=stdin, capture_output=True, check=False, env=git.environment_of_git())
    if done.returncode:
        raise ValueError(done.stderr.decode(errors="replace").strip()[-200:])
    return done.stdout


def _begins_with(*magic: bytes) -> Callable[[bytes], bool]:
    return lambda data: data.startswith(magic)


PACKED: list[tuple[Callable[[bytes], bool], Callable[[bytes], Iterator[tuple[str, bytes]]]]] = [
    (_begins_with(b"\x1f\x8b"), _gzip),
    (_begins_with(b"BZh"), _bz2),
    (_begins_with(b"\xfd7zXZ\0"), _xz),
    (_begins_with(b"PK\x03\x04"), _zip),
    (_begins_with(b"PACK\0", *BUNDLES), _pack),
    (lambda data: data[257:262] == b"ustar", _tar),
    (lambda data: data[:1] == b"\x78" and len(data) > 6 and int.from_bytes(data[:2]) % 31 == 0, _zlib),
]
"""How a file is recognised as packed, and what unpacks it."""
