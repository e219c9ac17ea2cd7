"""Reading and writing files so that no reader ever sees half of one, and every error names the file and the record."""

import glob
import gzip
import hashlib
import json
import os
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import IO, Any

from tracesmith import owners
from tracesmith.errors import InputError


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file. Raises InputError when it is missing, empty or no UTF-8."""
    try:
        text = path.read_bytes().decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text (byte {error.start})") from None
    except OSError as error:
        raise InputError(_unreadable(path, error)) from None
    if not text.strip():
        raise InputError(f"{path}: the file is empty")
    return text


def packed(path: Path) -> Path:
    """Return where the gzip data of a file stand that pack_logs.py has compressed."""
    return path.with_name(f"{path.name}.gz")


def read_packed(path: Path) -> bytes:
    """Return the bytes of a file that may be compressed. Raises FileNotFoundError when neither is there."""
    for place, read in ((path, Path.read_bytes), (packed(path), _unpacked)):
        with suppress(FileNotFoundError):
            return read(place)
    return path.read_bytes()  # it was put back between the two looks


def _unpacked(path: Path) -> bytes:
    try:
        return gzip.decompress(path.read_bytes())
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise InputError(f"{path}: damaged; remove the folder that it is in, and run again what made it") from None


def parse_json(text: str, where: str, pairs: Callable[[list[tuple[str, Any]]], Any] | None = None) -> Any:
    """Return the value of a JSON text; `where` names it in the InputError of a malformed one."""
    try:
        return json.loads(text, object_pairs_hook=pairs)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: not JSON: {error.msg} at line {error.lineno} column {error.colno}") from None
    except (RecursionError, ValueError):
        raise InputError(f"{where}: not JSON that can be read: nested too deeply, or a number is too long") from None


def read_json(path: Path) -> Any:
    """Return the value of a JSON file. Raises InputError when it is missing, empty, malformed or repeats a key."""
    return parse_json(read_text(path), str(path), partial(_unique, path))


def _unique(path: Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) < len(pairs):
        keys = [key for key, _ in pairs]
        raise InputError(f"{path}: the key {next(key for key in keys if keys.count(key) > 1)!r} stands twice")
    return value


def list_files(folder: Path) -> list[str]:
    """Return the POSIX paths of all files and links below a folder, relative to it, sorted."""
    found = (path for path in folder.rglob("*") if path.is_symlink() or not path.is_dir())
    return sorted(path.relative_to(folder).as_posix() for path in found)


def numbered_lines(path: Path) -> Iterator[tuple[int, bytes]]:
    """
    Yield (line number from 1, bytes) for each line that is not blank, one line in memory at a time.

    Lines end at LF only: `str.splitlines` would also cut at U+2028, which transcripts contain.
    Raises InputError for a missing or empty file.
    """
    empty = True
    try:
        with path.open("rb") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    empty = False
                    yield number, line
    except OSError as error:
        raise InputError(_unreadable(path, error)) from None
    if empty:
        raise InputError(f"{path}: the file is empty")


def read_jsonl(path: Path) -> Iterator[tuple[int, Any]]:
    """Yield (line number from 1, value) for each line that is not blank. Raises InputError for a malformed one."""
    for number, line in numbered_lines(path):
        yield number, _json_line(line, f"{path} line {number}")


def _unreadable(path: Path, error: OSError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{path}: no such file"
    if isinstance(error, IsADirectoryError):
        return f"{path}: a file is wanted, this is a folder"
    return f"{path}: not readable ({(error.strerror or 'unknown error').lower()})"


def _json_line(raw: bytes, where: str) -> Any:
    try:
        return parse_json(raw.decode("utf-8"), where)
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: not UTF-8 text (byte {error.start} of the line)") from None


@contextmanager
def atomic_writer(path: Path, *, durable: bool = True) -> Iterator[IO[bytes]]:
    """
    Open a temporary file beside `path` for bytes and rename it to `path` when the block ends well.

    When the block raises, the temporary file and new folders are removed and `path` is as it was. A temporary file
    that a killed process left is removed by the next writer. What is not `durable` may be cut off when the machine,
    not only the process, goes down soon after.
    """
    if path.is_dir():
        raise InputError(f"{path}: a file is to be written, this is a folder")
    made = [folder for folder in path.parents if not folder.exists()]
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise InputError(f"{path}: cannot be written: a part of its path is a file") from None
    for left in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        if owners.is_abandoned(left.name):
            left.unlink(missing_ok=True)
    temporary = path.with_name(owners.temporary_name(path.name))
    try:
        with temporary.open("wb") as out:
            yield out
            out.flush()
            if durable:
                os.fsync(out.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
        for folder in made if not path.exists() else ():
            with suppress(OSError):  # another process writes in it by now
                folder.rmdir()


def write_bytes(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a whole file by rename."""
    with atomic_writer(path, durable=durable) as out:
        out.write(data)


def write_json(path: Path, value: Any) -> None:
    """Write a value as indented JSON, keys in their order, by rename."""
    write_bytes(path, json_bytes(value))


def json_bytes(value: Any) -> bytes:
    """
    Return a value as indented JSON with a final newline: the one layout of our JSON files.

    A lone surrogate (a byte of a patch that is no UTF-8) is escaped, so that the file is UTF-8 whatever the value.
    """
    return (json.dumps(value, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "backslashreplace")


def json_line(value: Any) -> bytes:
    """Return a value as one line of JSONL; non-ASCII is escaped, so that no tool splits the line at U+2028."""
    return (json.dumps(value) + "\n").encode("ascii")


def without_halves(text: str) -> str:
    """Return a text that is UTF-8: half of a surrogate pair, which JSON can hold, becomes U+FFFD."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def digest(value: Any) -> str:
    """Return the sha256 (hex) of a value's canonical JSON: sorted keys, no white space."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def digest_file(path: Path) -> str:
    """Return the sha256 (hex) of a file's bytes."""
    try:
        with path.open("rb") as data:
            return hashlib.file_digest(data, "sha256").hexdigest()
    except OSError as error:
        raise InputError(_unreadable(path, error)) from None


def short_hash(text: str) -> str:
    """Return 8 characters [a-z0-9] of the sha256 of a text, the hash8 of SWE-smith's names."""
    alphabet = "abcdefghijklmnopqrstuvwxyz0123456789"
    number = int.from_bytes(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()) % len(alphabet) ** 8
    letters = []
    for _ in range(8):
        number, rest = divmod(number, len(alphabet))
        letters.append(alphabet[rest])
    return "".join(letters)
