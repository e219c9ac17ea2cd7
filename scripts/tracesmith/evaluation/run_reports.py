"""The run-level report of an evaluation: SWE-smith's five keys, and ours under `tracesmith`."""

from collections.abc import Iterable, Mapping
from typing import Any

from tracesmith import summaries
from tracesmith.evaluation.grading import RESOLVED
from tracesmith.records import RunReport


def run_report(grades: Mapping[str, Mapping[str, Any]], without: Iterable[str]) -> RunReport:
    """Return the report; a grade is what an instance's report has under `tracesmith`."""
    outcomes = {name: str(grade["outcome"]) for name, grade in grades.items()}
    resolved = [name for name, outcome in outcomes.items() if outcome == RESOLVED]
    unresolved = [name for name, outcome in outcomes.items() if outcome != RESOLVED]
    funnel = summaries.Funnel()
    for outcome in outcomes.values():
        funnel.keep() if outcome == RESOLVED else funnel.drop(outcome)
    flags = {name: grade["flags"] for name, grade in grades.items()}
    return RunReport(
        resolved=len(resolved),
        unresolved=len(unresolved),
        total=len(outcomes),
        ids_resolved=resolved,
        ids_unresolved=unresolved,
        tracesmith={
            "funnel": funnel.as_json(),
            "ids_by_outcome": _by({name: [outcome] for name, outcome in outcomes.items()}),
            "ids_by_flag": _by(flags),
            "ids_without_prediction": sorted(without),
        },
    )


def _by(values: Mapping[str, Iterable[str]]) -> dict[str, list[str]]:
    """Return the names that have each value."""
    every = sorted({value for found in values.values() for value in found})
    return {value: [name for name, found in values.items() if value in found] for value in every}
