"""Thirty faults, every kind among them: after each, the same command finishes the line as if nothing had happened."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

import cases
from cases import Case, Result, Theatre
from needs import NEEDS

COUNT = 30
SEED = 8
WORKERS = 2
CASES = cases.draw(COUNT, SEED)
Plays = dict[Case, "Future[Result]"]


def can_be_played(case: Case) -> bool:
    """Tell whether this machine has what a case needs."""
    return not any(NEEDS[marker]() for marker in cases.KINDS[case.kind].needs.split())


@pytest.fixture(scope="module")
def plays(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Plays]:
    """Begin the cases that were asked for, some at a time; each test waits for its own."""
    waiting = [item for item in request.session.items if "plays" in getattr(item, "fixturenames", ())]
    asked = [item.callspec.params["case"] for item in waiting]
    theatre = Theatre(tmp_path_factory.mktemp("chaos"))
    theatre.prepare()
    with ThreadPoolExecutor(WORKERS) as executor:
        yield {case: executor.submit(theatre.play, case) for case in asked if can_be_played(case)}


def marked(case: Case) -> object:
    """Return a case with the markers of what it needs."""
    markers = [getattr(pytest.mark, name) for name in cases.KINDS[case.kind].needs.split()]
    return pytest.param(case, id=case.name, marks=markers)


@pytest.mark.parametrize("case", [marked(case) for case in CASES])
def test_the_same_command_finishes_a_line_that_was_struck(case: Case, plays: Plays) -> None:
    result = plays[case].result()
    assert not result.why_not, f"{result.struck}: {result.why_not}"


def test_every_kind_of_fault_is_among_them() -> None:
    assert {case.kind for case in CASES} == set(cases.KINDS)
