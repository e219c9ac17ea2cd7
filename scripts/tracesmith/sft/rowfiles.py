"""Read files of SFT rows, one row in memory at a time, with the row's place in the error of a bad one."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from tracesmith import files
from tracesmith.errors import InputError

ENCODER = msgspec.json.Encoder()
ROLES = ("system", "user", "assistant", "tool")


def line_of(row: dict[str, Any]) -> bytes:
    """Return a row as a line in ASCII, so that no tool splits it at U+2028; most rows hold nothing else anyway."""
    line = ENCODER.encode_lines((row,))
    if line.isascii():
        return line
    return json.dumps(row, separators=(",", ":")).encode("ascii") + b"\n"


def read(path: Path) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Yield (row, line as it stands), or raise InputError at the first line that is no row."""
    for number, line in files.numbered_lines(path):
        where = f"{path} line {number}"
        row = parse(line, where)
        _check(row, where)
        yield row, line


def parse(line: bytes, where: str) -> dict[str, Any]:
    """Return the row of a line. Raises InputError unless it is an object, and what it says of tracesmith is one."""
    try:
        row = files.parse_json(line.decode("utf-8"), where)
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: not UTF-8 text (byte {error.start} of the line)") from None
    if not isinstance(row, dict):
        raise InputError(f"{where}: an SFT row is an object")
    if not isinstance(row.get("tracesmith") or {}, dict):
        raise InputError(f"{where}: key 'tracesmith': an object is wanted")
    return row


def _check(row: dict[str, Any], where: str) -> None:
    """Raise InputError unless a row has messages that a trainer can take."""
    if not isinstance(row.get("instance_id"), str):
        raise InputError(f"{where}: key 'instance_id': a text is wanted")
    messages = row.get("messages")
    if not isinstance(messages, list) or not messages or not all(isinstance(one, dict) for one in messages):
        raise InputError(f"{where}: the key 'messages' must be a list of messages")
    for position, message in enumerate(messages, start=1):
        if message.get("role") not in ROLES or not isinstance(message.get("content"), str):
            raise InputError(
                f"{where}: message {position}: a role ({', '.join(ROLES)}) and a content of text are wanted"
            )


def group_of(row: dict[str, Any]) -> str:
    """Return the group of a row, which a split keeps together: its bug's, else its instance."""
    extras = row.get("tracesmith")
    group = extras.get("split_group") if isinstance(extras, dict) else None
    return group if isinstance(group, str) else str(row["instance_id"])
