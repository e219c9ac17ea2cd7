"""The JSON report that jest invented and vitest kept, with different words for a test that did not run."""

import json
from collections.abc import Callable
from typing import Any

from tracesmith.runners.base import Reading, headline, relative

STATES = ("passed", "failed", "todo")


def read(data: bytes, exit_code: int, left: str | None, failure: Callable[[str], str]) -> Reading | None:
    """
    Return what a report says, None when it is none or that of a run that ended otherwise.

    `left` is the runner's word for a test that a dying process left without a result: its file is broken.
    """
    report = _parse(data)
    if report is None or not _agrees(report, exit_code):
        return None
    reading = Reading(clean=exit_code == 0 and report.get("success") is True)
    for suite in report["testResults"]:
        path = str(suite.get("name"))
        results = suite.get("assertionResults") or []
        reading.seconds[relative(path)] = _seconds(suite)
        if _is_broken(suite, {result.get("status") for result in results}, left):
            reading.broken.add(relative(path))
            reading.complaints[relative(path)] = headline(str(suite.get("message") or ""))
        for result in results:
            titles = [*(result.get("ancestorTitles") or []), result.get("title") or ""]
            status = str(result.get("status"))
            message = str((result.get("failureMessages") or [""])[0])
            reading.add(path, [str(title) for title in titles], _state(status), failure(message))
    return reading


def _parse(data: bytes) -> dict[str, Any] | None:
    try:
        value = json.loads(data)
    except ValueError:
        return None
    return value if isinstance(value, dict) and isinstance(value.get("testResults"), list) else None


def _agrees(report: dict[str, Any], exit_code: int) -> bool:
    """Tell whether a report and the exit code of the runner that wrote it can be of one run."""
    states = [suite.get("status") for suite in report["testResults"]]
    return exit_code != 0 or (report.get("success") is True and "failed" not in states)


def _seconds(suite: dict[str, Any]) -> float:
    try:
        return max(0.0, float(suite["endTime"]) - float(suite["startTime"])) / 1000
    except (KeyError, TypeError, ValueError):  # a file that broke has no times
        return 0.0


def _is_broken(suite: dict[str, Any], states: set[Any], left: str | None) -> bool:
    return left in states or (suite.get("status") == "failed" and "failed" not in states)


def _state(status: str) -> str:
    return status if status in STATES else "skipped"
