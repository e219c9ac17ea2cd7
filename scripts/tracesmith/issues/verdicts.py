"""What becomes of an instance's text, whichever way it was written."""

from dataclasses import dataclass, field, replace
from typing import Any

from tracesmith.issues import checks
from tracesmith.records import Instance


@dataclass(frozen=True)
class Issue:
    """The text of an instance, or why there is none."""

    text: str
    reason: str | None = None
    """Why the text is refused; None when it goes into the dataset."""
    scores: dict[str, Any] = field(default_factory=dict)
    """What the checks measured, and what else is known of the text."""


def judged(text: str, instance: Instance, mode: str) -> Issue:
    """Return a text with what the checks say of it."""
    found = checks.judge(text, instance, mode)
    return Issue(text, found.reason, found.scores)


def with_score(issue: Issue, **scores: Any) -> Issue:
    """Return an issue of which more is known."""
    return replace(issue, scores={**issue.scores, **scores})
