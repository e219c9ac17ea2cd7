"""
Draw combinations of bugs: spread over the places and over the bugs, each combination once.

The same seed draws the same ones in whatever order the bugs come.
"""

import itertools
from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeVar

from tracesmith.bugs.harvesting import rank

Made = TypeVar("Made")
TRIES_A_BUG = 20
"""How many combinations of a place are tried for each one that is wanted."""


def tries(names: Sequence[str], size: int, seed: int, fits: Callable[[Sequence[str]], bool]) -> Iterator[list[str]]:
    """Yield the combinations that fit, first of the names that came least so far."""
    uses: Counter[str] = Counter()
    tried: set[frozenset[str]] = set()

    def _turn(name: str) -> tuple[int, bytes, str]:
        return uses[name], rank(seed, f"{uses[name]}:{name}"), name

    while True:
        every = itertools.combinations(sorted(names, key=_turn), size)
        found = next((one for one in every if frozenset(one) not in tried and fits(one)), None)
        if found is None:
            return
        tried.add(frozenset(found))
        uses.update(found)
        yield sorted(found)


def draw(
    tries_of: Mapping[str, Iterator[list[str]]],
    make: Callable[[list[str]], Made | None],
    seed: int,
    most: int,
    per_place: int,
) -> list[Made]:
    """Return what is made of the combinations; the places take turns, at most so many of each and of all."""
    waiting = deque(sorted(tries_of, key=lambda place: rank(seed, place)))
    left = {place: itertools.islice(tries_of[place], TRIES_A_BUG * per_place) for place in waiting}
    drawn: Counter[str] = Counter()
    chosen: list[Made] = []
    while waiting and len(chosen) < most:
        place = waiting.popleft()
        made = next((found for found in map(make, left[place]) if found is not None), None)
        if made is None:
            continue
        chosen.append(made)
        drawn[place] += 1
        if drawn[place] < per_place:
            waiting.append(place)
    return chosen
