"""The ladder of attempts: the detected plan, then what the errors ask for, then what may help without being asked."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tracesmith import stores
from tracesmith.environments.building import BuildSettings
from tracesmith.environments.detection import attempts, completing, planning, repairs, states
from tracesmith.environments.detection.attempts import NOT_INSTALLED, Result
from tracesmith.environments.detection.plans import Plan
from tracesmith.environments.detection.states import State
from tracesmith.environments.detection.subjects import Subject
from tracesmith.errors import InfrastructureError

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Tried:
    """One attempt."""

    state: State
    plan: Plan
    result: Result

    @property
    def step(self) -> str:
        """What was changed last before it."""
        return self.state.steps[-1] if self.state.steps else "as detected"


def climb(subject: Subject, pristine: Path, settings: BuildSettings, store: stores.Store, most: int) -> list[Tried]:
    """Return the attempts, the best of them first by `best`; at most so many, and none after one without a failure."""
    state: State | None = State(subject.runners[0].name, before=completing.publication(subject))
    tried: list[Tried] = []
    while state is not None and len(tried) < most:
        tried.append(_attempt(subject, state, pristine, settings, store))
        logger.info("attempt %d (%s): %s", len(tried), tried[-1].step, tried[-1].result.summary())
        state = None if tried[-1].result.is_perfect else _next(subject, tried)
    return tried


def best(tried: Sequence[Tried]) -> int:
    """Return the place of the best attempt."""
    return attempts.best([one.result for one in tried])


def _attempt(subject: Subject, state: State, pristine: Path, settings: BuildSettings, store: stores.Store) -> Tried:
    try:
        plan = states.to_plan(subject, state)
    except InfrastructureError as error:  # the registry has not what was wanted: what it says may be repaired
        found = next(one for one in subject.runners if one.name == state.runner)
        return Tried(state, planning.plan(subject, found), Result(NOT_INSTALLED, text=str(error)))
    return Tried(state, plan, attempts.attempt(plan, pristine, settings, store))


def _next(subject: Subject, tried: Sequence[Tried]) -> State | None:
    """Return the next state, None when there is nothing left that could help."""
    known = {one.state.key() for one in tried}
    leader = tried[best(tried)]
    for one in (leader, tried[-1]):
        repaired = repairs.apply(subject, one.state, one.result)
        if repaired.key() not in known:
            return repaired
    return None if leader.result.is_enough else next(_untried(subject, leader, known), None)


def _untried(subject: Subject, leader: Tried, known: set[tuple[object, ...]]) -> Iterator[State]:
    found = repairs.fallbacks(subject, leader.state, leader.result)
    return (state for state in found if state.key() not in known)
