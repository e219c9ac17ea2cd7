"""
Judge an issue text: it must describe what a user sees, and give neither the fix nor the failing tests away.

Every text is judged, whoever wrote it. The limits stand in docs/issues.md.
"""

import re
from dataclasses import dataclass
from typing import Any

from tracesmith.issues import leaks
from tracesmith.records import Instance

TOO_LONG = 8000
"""Most characters of a text."""
MOST_OVERLAP = 0.3
"""Most of what a patch changes that a text may hold."""
LEAST_WORDS = 8
SHOWN = 3
"""How many of the names or lines that were found are said to a model."""
# What came out, what was expected, or what was raised. Few texts about behaviour have none of them; a text about code
# alone ("rename the variable", "use a map here") has none.
OUTCOME = re.compile(
    r"\b(?:actual|actually|behaves?d?|blank|blocks?|break|breaks|broke|broken|comes? (?:back|out)|came (?:back|out)|"
    r"crash\w*|did(?:n['\u2019]t| not)|differs?|disappear\w*|does(?:n['\u2019]t| not)|drops?|dropped|duplicat\w*|empty|"
    r"ends? up|error\w*|exception\w*|expect\w*|fails?|failed|failing|forever|freez\w*|gets?|getting|gives?|gave|got|"
    r"hangs?|hung|ignor\w*|incorrect\w*|inconsisten\w*|infinit\w*|instead|is(?:n['\u2019]t| not)|leaks?|lost|missing|"
    r"NaN|never|no longer|null|off by|outputs?|outcome|prints?|produc\w*|rais\w*|receiv\w*|reject\w*|"
    r"regress\w*|resolv\w*|results?|returns?|returned|returning|should(?:n['\u2019]t)?|shows?|skips?|skipped|slow\w*|"
    r"stops?|stopped|stuck|suppos\w*|swallow\w*|throws?|threw|thrown|times? out|truncat\w*|twice|undefined|"
    r"unexpected\w*|used to|was(?:n['\u2019]t| not)|won['\u2019]t|wrong\w*|yields?)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Judgement:
    """What the checks say of a text."""

    reason: str | None
    """The first check that refuses it; None when it is accepted."""
    detail: str
    """What to change, for whoever writes the text again; it repeats nothing that the text did not hold."""
    scores: dict[str, Any]


def judge(text: str, instance: Instance, mode: str) -> Judgement:
    """Return what is wrong with a text about an instance; where a script proved it, behaviour is not looked for."""
    name, patch = instance["instance_id"], instance["patch"]
    lines, tests = leaks.quoted_lines(text, patch, name), leaks.named_tests(text, instance)
    commands, outcome = leaks.named_commands(text), OUTCOME.search(text) is not None
    scores = {
        "characters": len(text),
        "patch_overlap": leaks.patch_overlap(text, patch, name),
        "patch_lines": len(lines),
        "tests_named": len(tests),
        "commands_named": len(commands),
        "observable": mode == "tests" or (outcome and len(text.split()) >= LEAST_WORDS),
    }
    refusals = {
        "empty": (not text.strip(), "It was empty."),
        "too_long": (len(text) > TOO_LONG, f"It had {len(text)} characters; at most {TOO_LONG} are allowed."),
        "quotes_the_patch": (
            bool(lines) or scores["patch_overlap"] > MOST_OVERLAP,
            f"It quoted code of the patch{_shown(lines)}. Describe what a user sees, not the code that causes it.",
        ),
        "names_a_test": (bool(tests), f"It named failing tests or their files{_shown(tests)}."),
        "names_a_command": (bool(commands), f"It named commands that run tests{_shown(commands)}."),
        "no_observable_behaviour": (
            not scores["observable"],
            "It did not say what was done, what came out, and what was expected.",
        ),
    }
    reason = next((reason for reason, (refused, _) in refusals.items() if refused), None)
    return Judgement(reason, refusals[reason][1] if reason else "", scores)


def _shown(found: list[str]) -> str:
    return f" ({', '.join(repr(one[:100]) for one in found[:SHOWN])})" if found else ""
