"""JSON of which only the declared keys become values: the others, nine tenths of a long trajectory, are skipped."""

import json
import re
from typing import Any, TypeVar

import msgspec

from tracesmith import files
from tracesmith.sft.turns import UnusableTrajectoryError

T = TypeVar("T")
PLACE = re.compile(r" - at `\$\.(?:history|messages)(?:\[\d+\]\.(\w+).*|)`$")
"""How a complaint of msgspec ends that is about the messages, or about a key of one."""
REASONS = {
    None: "missing_history",
    "role": "bad_roles",
    "content": "bad_content",
    "tool_calls": "bad_tool_call",
    "tool_call_id": "bad_tool_call",
    "tool_call_ids": "bad_tool_call",
}


def decode(decoder: "msgspec.json.Decoder[T]", data: memoryview, where: str) -> T:
    """Return the record in the bytes, all its texts UTF-8, or raise UnusableTrajectoryError."""
    try:
        return _decode(decoder, data)
    except msgspec.ValidationError as error:
        place = PLACE.search(str(error))
        reason = REASONS.get(place[1], "malformed_trajectory") if place else "malformed_trajectory"
        raise UnusableTrajectoryError(reason, f"{where}: {error}") from None
    except (ValueError, RecursionError) as error:
        raise UnusableTrajectoryError("malformed_trajectory", f"{where}: not JSON: {error}") from None


def _decode(decoder: "msgspec.json.Decoder[T]", data: memoryview) -> T:
    try:
        return decoder.decode(data)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError):  # maybe half of a surrogate pair, which JSON can hold
        return msgspec.convert(_without_halves(json.loads(bytes(data))), type=decoder.type)


def _without_halves(value: Any) -> Any:
    if isinstance(value, str):
        return files.without_halves(value)
    if isinstance(value, dict):
        return {key: _without_halves(item) for key, item in value.items()}
    return [_without_halves(item) for item in value] if isinstance(value, list) else value
