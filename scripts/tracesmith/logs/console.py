"""What the readers of console logs share: plain lines, and the check against the runner's own summary."""

import re
from collections.abc import Mapping

from tracesmith.errors import InputError

# Colours, and what moves the cursor of a terminal.
CONTROL = re.compile("\x1b\\[[0-9;?]*[A-Za-z]")
# GitHub's downloaded logs have the time before each line.
STAMP = re.compile(r"\ufeff?\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z ")
COUNT = re.compile(r"(\d+) (failed|passed|skipped|todo)")


class UnreadableLogError(InputError):
    """A log has no summary of its runner, or one that contradicts the rest of it."""


def lines_of(text: str) -> list[str]:
    """Return the lines of a log as they were written, without times that a CI put before them."""
    return [STAMP.sub("", line.rstrip("\r"), count=1) for line in text.split("\n")]


def plain(line: str) -> str:
    """Return a line without its colours and without space at its end."""
    return CONTROL.sub("", line).rstrip()


def counts(line: str) -> dict[str, int]:
    """Return the numbers of a summary line by their words."""
    return {word: int(number) for number, word in COUNT.findall(line)}


def check(what: str, said: Mapping[str, int], found: Mapping[str, int], words: tuple[str, ...]) -> None:
    """Refuse a log that names more or fewer of something than its summary counts."""
    for word in words:
        if said.get(word, 0) != found.get(word, 0):
            raise UnreadableLogError(
                f"the summary counts {said.get(word, 0)} {what} {word} and the log names {found.get(word, 0)}: "
                "text that looks like results was printed, or a part is missing; use the runner's JSON report"
            )


def check_most(what: str, said: int, found: int) -> None:
    """Refuse a log that names more of something than its summary counts; a runner may leave some out."""
    if found > said:
        raise UnreadableLogError(
            f"the summary counts {said} {what} and the log names {found}: text that looks like results was printed; "
            "use the runner's JSON report"
        )
