"""The figures of a run's page: what each operator gave, how hard what was resolved is, what the agents took."""

import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from tracesmith import integrity, records
from tracesmith.records import Instance
from tracesmith.reports.instances import MEASURES, files_of, measure_of
from tracesmith.reports.run_inputs import Inputs
from tracesmith.reports.run_rows import RESOLVED

SIZES = ((1, 1), (2, 3), (4, 8), (9, 20), (21, None))
"""Of what is counted of an instance: both ends belong to a range, the last has no end."""


def by_strategy(inputs: Inputs, group: Callable[[str], str]) -> list[dict[str, Any]]:
    """
    Return, for each operator or method, how many were tried, valid, in the dataset and resolved; most tried first.

    `group` gives its name by a strategy's.
    """
    known = {one["instance_id"]: (one.get("tracesmith") or {}).get("strategy") for one in inputs.instances}
    names = {name: group(known.get(name) or records.strategy_of(name)) for name in [*inputs.judged, *known]}
    tried = Counter(names[name] for name in inputs.judged)
    valid = Counter(names[name] for name, verdict in inputs.judged.items() if verdict == "valid")
    chosen = Counter(names[name] for name in known)
    resolved = Counter(names[name] for name in known if inputs.outcomes.get(name) == RESOLVED)
    every = sorted({*tried, *chosen}, key=lambda name: (-tried[name], -chosen[name], name))
    return [
        {
            "name": name,
            "tried": tried[name] if inputs.judged else None,
            "valid": valid[name] if inputs.judged else None,
            "instances": chosen[name],
            "resolved": resolved[name],
        }
        for name in every
    ]


def by_file(inputs: Inputs) -> list[dict[str, Any]]:
    """Return how many instances each changed file has, and how many of them are resolved; most first."""
    chosen, resolved = Counter[str](), Counter[str]()
    for instance in inputs.instances:
        touched = files_of(instance["patch"])
        chosen.update(touched)
        resolved.update(touched if inputs.outcomes.get(instance["instance_id"]) == RESOLVED else [])
    every = sorted(chosen, key=lambda name: (-chosen[name], name))
    return [{"name": name, "instances": chosen[name], "resolved": resolved[name]} for name in every]


def by_flag(inputs: Inputs) -> list[dict[str, Any]]:
    """Return each flag of a patch, what it means and does to the verdict, and how many instances have it."""
    counts = Counter(flag for flags in inputs.flags.values() for flag in flags)
    known = integrity.FLAGS
    return [
        {"flag": flag, "kind": known.get(flag, ("", ""))[0], "means": known.get(flag, ("", ""))[1], "count": count}
        for flag, count in counts.most_common()
    ]


def by_difficulty(inputs: Inputs) -> list[dict[str, Any]]:
    """Return, for each measure of difficulty and each range of it, how many instances were graded and resolved."""
    graded = [instance for instance in inputs.instances if instance["instance_id"] in inputs.outcomes]
    return [
        {
            "measure": words,
            "range": words_of(first, last),
            "find": f"{measure}:{first}..{'' if last is None else last}",
            "instances": len(found),
            "resolved": resolved(found, inputs),
        }
        for measure, words in MEASURES.items()
        for first, last in SIZES
        if (found := [one for one in graded if _within(measure_of(one, measure), first, last)])
    ]


def resolved(instances: Iterable[Instance], inputs: Inputs) -> int:
    """Return how many instances were resolved."""
    return sum(inputs.outcomes.get(instance["instance_id"]) == RESOLVED for instance in instances)


def words_of(first: int, last: int | None) -> str:
    """Return a range as it is printed."""
    return f"{first} and more" if last is None else str(first) if first == last else f"{first} to {last}"


def _within(value: int | None, first: int, last: int | None) -> bool:
    return value is not None and first <= value and (last is None or value <= last)


def of_agents(inputs: Inputs) -> dict[str, Any]:
    """Return what the trajectories of the rows took: exit statuses, USD and tokens, as far as rows say it."""
    statuses = Counter(status for found in inputs.rows.exit_statuses.values() for status in found)
    return {
        "exit_statuses": dict(statuses.most_common()),
        "cost": _spread(inputs.rows.costs, sum),
        "tokens": {template: _tokens(counts, inputs.limit) for template, counts in tokens_of(inputs).items()},
    }


def _tokens(counts: Sequence[int], limit: int | None) -> dict[str, Any]:
    longer = None if limit is None else sum(count > limit for count in counts)
    return {**_spread(counts, max), "max_seq_len": limit, "longer": longer}


def tokens_of(inputs: Inputs) -> dict[str, list[int]]:
    """Return the tokens of all rows, by chat format."""
    found = sorted(inputs.rows.tokens.items())
    return {template: [count for counts in by_instance.values() for count in counts] for template, by_instance in found}


def _spread(values: Sequence[float], last: Callable[[Sequence[float]], float]) -> dict[str, float]:
    """Return count, median and one more number of some values; nothing of none."""
    if not values:
        return {}
    return {"count": len(values), "median": statistics.median(values), last.__name__: last(values)}
