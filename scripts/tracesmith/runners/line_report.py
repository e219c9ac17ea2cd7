"""
The report of our own reporters: a line of JSON for every test and every broken file, and one at the end.

    {"kind": "test", "file": PATH, "titles": [TITLE, ...], "state": STATE, "message": TEXT}
    {"kind": "broken", "file": PATH, "message": TEXT}
    {"kind": "end", "failures": NUMBER}

Without the last line the runner did not come to its end. A `broken` without a file is an error outside of all files.
"""

import json
from typing import Any

from tracesmith.runners.base import Reading, headline, relative

STATES = ("passed", "failed", "skipped", "todo")


def read(data: bytes, exit_code: int) -> Reading | None:
    """Return what a report says, None when it is none, has no end, or is that of a run that ended otherwise."""
    try:
        *records, end = [json.loads(line) for line in data.splitlines()]
        if end["kind"] != "end":
            return None
        return None if end["failures"] and not exit_code else _reading(records, exit_code)
    except (KeyError, TypeError, ValueError):
        return None


def failures(data: bytes) -> int:
    """Return how many failures the runner itself counted, from the last line of a report that was read."""
    return int(json.loads(data.splitlines()[-1])["failures"])


def _reading(records: list[dict[str, Any]], exit_code: int) -> Reading:
    reading = Reading(clean=exit_code == 0)
    for record in records:
        if record["kind"] == "test" and record["state"] in STATES:
            titles = [str(title) for title in record["titles"]]
            reading.add(record["file"], titles, record["state"], headline(record.get("message") or ""))
        elif record["kind"] == "broken":
            reading.clean = False
            if record["file"]:
                reading.broken.add(relative(record["file"]))
                reading.complaints[relative(record["file"])] = headline(record.get("message") or "")
        else:
            raise ValueError(record)
    return reading
