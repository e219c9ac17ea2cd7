"""What a page shows of one instance: its texts, cut to what a page can hold, its diffs line by line, its tests."""

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from tracesmith import records
from tracesmith.errors import InputError
from tracesmith.records import Instance
from tracesmith.reports.run_inputs import Inputs

# A page of 1,000 instances still opens: one text, or list of tests, has at most this many characters, or names.
TEXT_SHOWN = 20_000
TESTS_SHOWN = 20
HUNK = re.compile(r"@@ -(\S+) \+(\S+) @@(.*)")
PULL = re.compile(r"pr_\d+")
SWAPPED = {"new file mode": "deleted file mode", "deleted file mode": "new file mode"}


def operator_of(strategy: str) -> str:
    """Return what a page counts a strategy as: reverted pull requests, which have a number each, are one."""
    return "pr" if PULL.fullmatch(strategy) else strategy


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
        "operator": operator_of(row["strategy"] or records.strategy_of(name)),
        **{key: text[:TEXT_SHOWN] for key, text in texts.items()},
        "cut": {key: max(0, len(text) - TEXT_SHOWN) for key, text in texts.items()},
        "tests": {key: names[:TESTS_SHOWN] for key, names in tests.items()},
        "more_tests": {key: max(0, len(names) - TESTS_SHOWN) for key, names in tests.items()},
        "turns": inputs.turns.get(name, []),
    }


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
