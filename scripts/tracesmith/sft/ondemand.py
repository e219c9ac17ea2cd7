"""JSON of which only the declared keys become values: the others, nine tenths of a long trajectory, are skipped."""

import json
from typing import TypeVar

import msgspec

from tracesmith.sft.turns import UnusableTrajectoryError

T = TypeVar("T")


def decode(decoder: "msgspec.json.Decoder[T]", data: bytes, where: str) -> T:
    """Return the record in the bytes, or raise UnusableTrajectoryError."""
    try:
        return decoder.decode(data)
    except msgspec.ValidationError as error:
        raise UnusableTrajectoryError("malformed_trajectory", f"{where}: {error}") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _with_halves(decoder, data, where)


def _with_halves(decoder: "msgspec.json.Decoder[T]", data: bytes, where: str) -> T:
    """Read JSON that holds half of a surrogate pair, which Python's own parser lets through."""
    try:
        return msgspec.convert(json.loads(data), type=decoder.type)
    except (ValueError, RecursionError) as error:
        raise UnusableTrajectoryError("malformed_trajectory", f"{where}: not JSON: {error}") from None
