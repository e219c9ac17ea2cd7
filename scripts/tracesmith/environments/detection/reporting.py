"""What is said of the attempts: at the head of the profile, at the head of a draft, and when there is no profile."""

from collections.abc import Sequence
from pathlib import Path

from tracesmith.environments.detection import attempts, climbing
from tracesmith.environments.detection.attempts import Result
from tracesmith.environments.detection.climbing import Tried

SHOWN_TESTS = 10
SHOWN_ERRORS = 3


def head(tried: Sequence[Tried]) -> list[str]:
    """Return the first comments of a profile: what its proof said, and how it was come to."""
    chosen = climbing.best(tried)
    result = tried[chosen].result
    failing = f" Failing: {_few(result.failed + result.broken)}." if result.failed or result.broken else ""
    steps = "; ".join(tried[chosen].state.steps) or "nothing"
    return [
        "Made by scripts/make_profile.py; edit it as you like, it is not made again while it is there.",
        f"Its proof: {result.summary()}.{failing}",
        f"Attempt {chosen + 1} of {len(tried)}; changed since the first: {steps}.",
    ]


def report(source: str, tried: Sequence[Tried]) -> list[str]:
    """Return what was tried, attempt by attempt, with the first errors of each."""
    return [f"{source}: no profile was made{_shortfall(tried[climbing.best(tried)].result)}", *_attempts(tried)]


def remedy(draft: Path) -> str:
    """Return what to do without a profile."""
    return (
        f"the best plan stands in {draft}: correct its test.command, package_json and files, take `.draft` out of its "
        "name, and name it in the configuration's key `profile`"
    )


def _attempts(tried: Sequence[Tried]) -> list[str]:
    lines = []
    for number, one in enumerate(tried, 1):
        errors = " / ".join(one.result.first_errors()[:SHOWN_ERRORS])
        lines.append(f"attempt {number} ({one.step}): {one.result.summary()}: {errors}")
    return lines


def _shortfall(result: Result) -> str:
    if result.outcome != "ran":
        return ""
    shares = f"{100 * result.share:.1f} % of its tests pass, or of its test files load"
    return f": {shares}, {100 * attempts.ENOUGH:.0f} % are asked for; failing: {_few(result.failed + result.broken)}"


def _few(tests: list[str]) -> str:
    more = f" and {len(tests) - SHOWN_TESTS} more" if len(tests) > SHOWN_TESTS else ""
    return ", ".join(tests[:SHOWN_TESTS]) + more
