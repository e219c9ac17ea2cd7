"""The figures of a run's page: what each operator gave, how hard what was resolved is, what the agents took."""

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tracesmith import records
from tracesmith.records import Instance
from tracesmith.reports.instances import operator_of
from tracesmith.reports.run_inputs import Inputs
from tracesmith.reports.run_rows import RESOLVED

BINS = 24
"""Bars of a histogram."""
SIZES = ((1, 1), (2, 3), (4, 8), (9, 20), (21, None))
"""Of what is counted of an instance: both ends belong to a range, the last has no end."""
MEASURES = {
    "lines": "changed lines of the fix",
    "fail_to_pass": "tests that fail with the bug",
    "distance": "imports from the tests to the bug",
}


def by_operator(inputs: Inputs) -> list[dict[str, Any]]:
    """Return, for each operator, how many were tried, valid, in the dataset and resolved; most tried first."""
    known = {one["instance_id"]: (one.get("tracesmith") or {}).get("strategy") for one in inputs.instances}
    names = {name: operator_of(known.get(name) or records.strategy_of(name)) for name in [*inputs.judged, *known]}
    tried = Counter(names[name] for name in inputs.judged)
    valid = Counter(names[name] for name, verdict in inputs.judged.items() if verdict == "valid")
    chosen = Counter(names[name] for name in known)
    resolved = Counter(names[name] for name in known if inputs.outcomes.get(name) == RESOLVED)
    every = sorted({*tried, *chosen}, key=lambda operator: (-tried[operator], -chosen[operator], operator))
    return [
        {
            "operator": operator,
            "tried": tried[operator] if inputs.judged else None,
            "valid": valid[operator] if inputs.judged else None,
            "instances": chosen[operator],
            "resolved": resolved[operator],
        }
        for operator in every
    ]


def by_difficulty(inputs: Inputs) -> list[dict[str, Any]]:
    """Return, for each measure of difficulty and each range of it, how many instances were graded and resolved."""
    graded = [instance for instance in inputs.instances if instance["instance_id"] in inputs.outcomes]
    return [
        {"measure": words, "range": words_of(first, last), "instances": len(found), "resolved": resolved(found, inputs)}
        for measure, words in MEASURES.items()
        for first, last in SIZES
        if (found := [one for one in graded if _within(_measure(one, measure), first, last)])
    ]


def resolved(instances: Iterable[Instance], inputs: Inputs) -> int:
    """Return how many instances were resolved."""
    return sum(inputs.outcomes.get(instance["instance_id"]) == RESOLVED for instance in instances)


def words_of(first: int, last: int | None) -> str:
    """Return a range as it is printed."""
    return f"{first} and more" if last is None else str(first) if first == last else f"{first} to {last}"


def _measure(instance: Instance, measure: str) -> int | None:
    if measure == "fail_to_pass":
        return len(instance["FAIL_TO_PASS"])
    ours = instance.get("tracesmith")
    found = ours.get("difficulty") if isinstance(ours, dict) else None
    value = found.get(measure) if isinstance(found, dict) else None
    return value if isinstance(value, int) else None


def _within(value: int | None, first: int, last: int | None) -> bool:
    return value is not None and first <= value and (last is None or value <= last)


def of_agents(inputs: Inputs) -> dict[str, Any]:
    """Return what the trajectories of the rows took: exit statuses, USD and tokens, as far as rows say it."""
    return {
        "exit_statuses": dict(inputs.rows.statuses.most_common()),
        "cost": _spread(inputs.rows.costs, sum),
        "tokens": {
            template: {**_spread(counts, max), "bars": bars(counts)}
            for template, counts in sorted(inputs.rows.tokens.items())
        },
    }


def _spread(values: Sequence[float], last: Callable[[Sequence[float]], float]) -> dict[str, float]:
    """Return count, median and one more number of some values; nothing of none."""
    if not values:
        return {}
    return {"count": len(values), "median": statistics.median(values), last.__name__: last(values)}


def bars(values: Sequence[float]) -> list[int]:
    """Return how many values lie in each of BINS equal parts from zero to the largest."""
    largest = max(values)
    counts = Counter(min(BINS - 1, int(BINS * value / largest)) if largest else 0 for value in values)
    return [counts[place] for place in range(BINS)]
