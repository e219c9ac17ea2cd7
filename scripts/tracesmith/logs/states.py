"""Turn a console log into the states of its tests."""

import logging
from collections import Counter
from pathlib import Path

from tracesmith import files
from tracesmith.logs import READERS
from tracesmith.logs.console import UnreadableLogError

logger = logging.getLogger(__name__)


def write(log: Path, runner: str, output: Path) -> dict[str, str]:
    """Write the state of each test that a log names, and return them."""
    try:
        reading = READERS[runner](files.read_text(log))
    except UnreadableLogError as error:
        raise UnreadableLogError(f"{log}: {error}") from None
    found = Counter(reading.tests.values())
    logger.info("%s: %s", log, ", ".join(f"{number} {state}" for state, number in sorted(found.items())) or "no test")
    for path in sorted(reading.broken):
        logger.warning("%s failed as a whole: %s", path, reading.complaints.get(path) or "the log does not say why")
    files.write_json(output, reading.tests)
    return reading.tests
