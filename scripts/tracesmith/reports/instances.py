"""What a page shows of one instance: its texts, cut to what a page can hold, its diffs line by line, its tests."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from tracesmith import records, sections
from tracesmith.errors import InputError
from tracesmith.records import Instance
from tracesmith.reports.run_inputs import Inputs

# A page of 1,000 instances still opens: one text, or list of tests, has at most this many characters, or names.
TEXT_SHOWN = 20_000
TESTS_SHOWN = 20
HUNK = re.compile(r"@@ -(\S+) \+(\S+) @@(.*)")
PULL = re.compile(r"pr_\d+")
MEASURES = {
    "lines": "changed lines of the fix",
    "fail_to_pass": "tests that fail with the bug",
    "distance": "imports from the tests to the bug",
}
"""Of how hard an instance is, in whole numbers."""
SWAPPED = {"new file mode": "deleted file mode", "deleted file mode": "new file mode"}


def operator_of(strategy: str) -> str:
    """Return what a page counts a strategy as: reverted pull requests, which have a number each, are one."""
    return "pr" if PULL.fullmatch(strategy) else strategy


def method_of(strategy: str) -> str:
    """Return the way in which bugs of a strategy are made."""
    if operator_of(strategy) == "pr":
        return "pr"
    kinds = {"func_pm_": "procedural", "combine_": "combined"}
    return next((method for start, method in kinds.items() if strategy.startswith(start)), "model")


def files_of(patch: str) -> list[str]:
    """Return the paths that a patch changes, sorted."""
    return sorted(sections.names(patch))


def shown(instance: Instance, row: dict[str, Any], inputs: Inputs) -> dict[str, Any]:
    """Return what the page's template prints of an instance, beside what the summary says of it."""
    name = row["instance_id"]
    prediction = inputs.predictions.get(name)
    texts = {
        "issue": instance.get("problem_statement") or "",
        "bug": instance["patch"],
        "fix": reverse(instance["patch"]),
        "answer": (prediction and prediction["model_patch"]) or "",
    }
    if not isinstance(texts["issue"], str):
        raise InputError(f"{name}: the key 'problem_statement' must be a text")
    unmet = inputs.unmet.get(name) or {"still_failing": [], "broken": []}
    tests = {"failing": instance["FAIL_TO_PASS"], **unmet}
    return {
        **row,
        "find": _find(instance, row, inputs),
        **{key: text[:TEXT_SHOWN] for key, text in texts.items()},
        "cut": {key: max(0, len(text) - TEXT_SHOWN) for key, text in texts.items()},
        "tests": {key: names[:TESTS_SHOWN] for key, names in tests.items()},
        "more_tests": {key: max(0, len(names) - TESTS_SHOWN) for key, names in tests.items()},
        "turns": inputs.rows.turns.get(name, []),
    }


def _find(instance: Instance, row: dict[str, Any], inputs: Inputs) -> dict[str, str]:
    """Return by what a page finds an instance: texts and numbers by key, several of one key on lines."""
    name, strategy = row["instance_id"], row["strategy"] or records.strategy_of(row["instance_id"])
    reached = {"trajectories": name in inputs.predictions, "resolved": row["outcome"] == "resolved", "rows": row["row"]}
    found: dict[str, list[Any]] = {
        "step": [step for step, is_there in reached.items() if is_there],
        "verdict": [row["outcome"]],
        "reason": [row["why_not"]] if row["why_not"] else [],
        "operator": [operator_of(strategy)],
        "method": [method_of(strategy)],
        "file": files_of(instance["patch"]),
        "flag": row["flags"],
        "status": inputs.rows.exit_statuses.get(name, []),
        "tokens": [count for counts in inputs.rows.tokens.values() for count in counts.get(name, [])],
        **{measure: [value] for measure in MEASURES if (value := measure_of(instance, measure)) is not None},
    }
    return {key: "\n".join(map(str, values)) for key, values in found.items() if values}


def measure_of(instance: Instance, measure: str) -> int | None:
    """Return one of MEASURES of an instance; None where it is not known."""
    if measure == "fail_to_pass":
        return len(instance["FAIL_TO_PASS"])
    ours = instance.get("tracesmith")
    found = ours.get("difficulty") if isinstance(ours, dict) else None
    value = found.get(measure) if isinstance(found, dict) else None
    return value if isinstance(value, int) else None


def diff_lines(text: str) -> Iterator[tuple[str, str]]:
    """Yield (kind, line) of a diff: head, hunk, added, removed or same."""
    kinds = {"@": "hunk", "+": "added", "-": "removed"}
    in_hunk = False
    for line in text.removesuffix("\n").split("\n"):
        in_hunk = (in_hunk or line.startswith("@@")) and not line.startswith("diff --git ")
        yield (kinds.get(line[:1], "same") if in_hunk else "head"), line


def reverse(diff: str) -> str:
    """Return the diff that undoes one, as git would print it: of a bug, the fix."""
    lines: list[str] = []
    for changed, block in groupby(_with_markers(diff), key=lambda line: line[0]):
        pairs = [(kind, line) for _, kind, line in block]
        if changed:
            lines += [line if line.startswith("\\") else f"-{line[1:]}" for kind, line in pairs if kind == "added"]
            lines += [line if line.startswith("\\") else f"+{line[1:]}" for kind, line in pairs if kind == "removed"]
        else:
            lines += _reversed_frame(pairs)
    return "\n".join(lines) + "\n" * diff.endswith("\n")


def _with_markers(diff: str) -> Iterator[tuple[bool, str, str]]:
    """Yield (changed, kind, line); the marker of a missing line end is of the kind of the line before it."""
    before = ""
    for kind, line in diff_lines(diff):
        before = before if line.startswith("\\ ") else kind
        yield before in ("added", "removed"), before, line


def _reversed_frame(pairs: Sequence[tuple[str, str]]) -> Iterator[str]:
    """Yield the lines around changed ones: heads and hunks of the way back."""
    old = ""
    for kind, line in pairs:
        hunk = HUNK.match(line) if kind == "hunk" else None
        if kind == "head" and line.startswith("--- "):
            old = line[4:]
        elif kind == "head" and line.startswith("+++ "):
            yield f"--- {_named(line[4:], 'a')}"
            yield f"+++ {_named(old, 'b')}"
        elif kind == "head":
            yield next((two + line.removeprefix(one) for one, two in SWAPPED.items() if line.startswith(one)), line)
        else:
            yield f"@@ -{hunk[2]} +{hunk[1]} @@{hunk[3]}" if hunk else line


def _named(path: str, side: str) -> str:
    return path if path.startswith("/dev/null") else f"{side}{path[1:]}"
