"""What every script shares: the parser made from its docstring, logging to stderr, and exit codes."""

import argparse
import logging
import re
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import NoReturn

from tracesmith.errors import TracesmithError
from tracesmith.sandboxes import base

SHARD = re.compile(r"(\d+)/(\d+)")
Parser = argparse.ArgumentParser
Arguments = argparse.Namespace
Action = argparse.Action
Group = argparse._ArgumentGroup


def parser(doc: str | None) -> argparse.ArgumentParser:
    """Return a parser whose help is the script's docstring, printed as it stands."""
    return argparse.ArgumentParser(
        description=(doc or "").strip(), formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )


def positive_int(text: str) -> int:
    """Read a whole number above zero, as an argparse type."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def count(text: str) -> int:
    """Read a whole number, 0 included, as an argparse type."""
    return 0 if text == "0" else positive_int(text)


def positive_number(text: str) -> float:
    """Read a number above zero, as an argparse type."""
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return number


def amount(text: str) -> float:
    """Read a number that is not below zero, as an argparse type."""
    return 0.0 if text in ("0", "0.0") else positive_number(text)


def size(text: str) -> int:
    """Read a size such as 512m or 10g (powers of 1024) as bytes, as an argparse type."""
    try:
        return base.parse_size(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def share(text: str) -> float:
    """Read a share, above 0 and at most 1, as an argparse type."""
    number = positive_number(text)
    if number > 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a share such as 0.95")
    return number


def shard(text: str) -> tuple[int, int]:
    """Read ``I/N`` (shard I of N, counted from 1), as an argparse type."""
    match = SHARD.fullmatch(text)
    if not match or not 1 <= int(match[1]) <= int(match[2]):
        raise argparse.ArgumentTypeError(f"{text!r} is not a shard such as 1/4")
    return int(match[1]), int(match[2])


def output_file(text: str) -> Path:
    """Read the path of a file to be written, as an argparse type: what cannot be one is refused before any work."""
    path = Path(text)
    if path.is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} cannot be written: it is a folder")
    if next(place for place in path.absolute().parents if place.exists()).is_file():
        raise argparse.ArgumentTypeError(f"{text!r} cannot be written: a part of the path is a file")
    return path


def arguments(made: argparse.ArgumentParser) -> argparse.Namespace:
    """Read the command line; a file that is read and written is refused, before any work."""
    found = made.parse_args()
    written = {name: value for name, value in vars(found).items() if name in ("output", "summary") and value}
    for name, value in vars(found).items():
        for path in value if isinstance(value, list) else [value]:
            if isinstance(path, Path) and any(
                path.absolute() == other.absolute() for key, other in written.items() if key != name
            ):
                made.error(f"{path} would be read and written")
    return found


def say(line: str) -> None:
    """Print a result that was asked for on stdout."""
    sys.stdout.write(f"{line}\n")


def start_logging(level: int = logging.INFO) -> None:
    """Log to stderr, from this level on, one line a record."""
    logging.basicConfig(
        level=level,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        datefmt="%H:%M:%S",
        stream=sys.stderr,
    )


def run(main: Callable[[], None]) -> NoReturn:
    """
    Call main and exit with its code.

    0 done; 1 an instance is left without a verdict, or a bug of ours (with its traceback); 2 wrong arguments or input,
    before any work; 143 after SIGTERM, with the sandboxes of this process taken down.
    """
    signal.signal(signal.SIGTERM, _terminate)
    try:
        main()
    except TracesmithError as error:
        sys.stderr.write(f"error: {_one_line(str(error))}\n")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(0)


def _one_line(text: str) -> str:
    """Return a text without its line breaks: what a program in a sandbox said may be part of a message."""
    return " | ".join(line.strip() for line in text.splitlines() if line.strip())


def _terminate(signum: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + signum)
