"""
Choose candidates so that any first part of the choice is spread over operators, functions and files.

The same seed chooses the same candidates in whatever order they come.
"""

import heapq
import math
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence

from tracesmith.bugs.candidates import BugCandidate
from tracesmith.bugs.harvesting import Place, rank

Key = tuple[int, int, bytes, str]


class _Spread:
    """Counts what is chosen, and hands out an operator's candidate from where least was chosen."""

    def __init__(self, candidates: Sequence[BugCandidate], seed: int) -> None:
        self.seed = seed
        self.by_file: Counter[str] = Counter()
        self.by_entity: Counter[Place] = Counter()
        self.heaps: defaultdict[str, list[tuple[Key, BugCandidate]]] = defaultdict(list)
        for candidate in candidates:
            self.heaps[candidate.strategy].append((self._key(candidate), candidate))
        for heap in self.heaps.values():
            heapq.heapify(heap)

    def take(self, strategy: str) -> BugCandidate:
        """Remove and return the candidate from the function, then the file, with the fewest picks."""
        heap = self.heaps[strategy]
        while True:
            key, candidate = heap[0]
            current = self._key(candidate)
            if current == key:
                heapq.heappop(heap)
                break
            heapq.heapreplace(heap, (current, candidate))  # counts only grow, so an old key is too small
        if not heap:
            del self.heaps[strategy]
        self.by_file[candidate.file.path] += 1
        self.by_entity[_place(candidate)] += 1
        return candidate

    def _key(self, candidate: BugCandidate) -> Key:
        place = rank(self.seed, candidate.instance_id)
        return self.by_entity[_place(candidate)], self.by_file[candidate.file.path], place, candidate.instance_id


def select(
    candidates: Sequence[BugCandidate],
    seed: int,
    max_bugs: int | None,
    per_operator: int | None,
    interleave: bool = True,
) -> list[BugCandidate]:
    """
    Return the candidates in the order of their choice.

    The operators take turns, or come one after the other; each stops at its limit.
    """
    spread = _Spread(candidates, seed)
    chosen: list[BugCandidate] = []
    taken: Counter[str] = Counter()
    limit = len(candidates) if max_bugs is None else max_bugs
    while spread.heaps and len(chosen) < limit:
        turn = sorted(spread.heaps) if interleave else [min(spread.heaps)]
        for strategy in turn[: limit - len(chosen)]:
            chosen.append(spread.take(strategy))
            taken[strategy] += 1
            if taken[strategy] == per_operator:
                spread.heaps.pop(strategy, None)
    return chosen


def evenness(found: Sequence[BugCandidate], chosen: Sequence[BugCandidate]) -> dict[str, dict[str, float]]:
    """
    Return how evenly the choice is spread: the entropy in bits over files, functions and operators.

    `at_most` is the entropy of as many candidates spread evenly over all that were found.
    """
    shown = {}
    for name, key in (("files", _path), ("functions", _place), ("operators", _strategy)):
        counts, available = Counter(map(key, chosen)), len(set(map(key, found)))
        at_most = math.log2(min(available, len(chosen))) if chosen else 0.0
        entropy = _entropy(counts.values())
        shown[name] = {
            "found": available,
            "chosen": len(counts),
            "entropy": round(entropy, 3),
            "at_most": round(at_most, 3),
        }
    return shown


def _entropy(counts: Iterable[int]) -> float:
    sizes = list(counts)
    total = sum(sizes)
    return sum(-size / total * math.log2(size / total) for size in sizes)


def _path(candidate: BugCandidate) -> Hashable:
    return candidate.file.path


def _strategy(candidate: BugCandidate) -> Hashable:
    return candidate.strategy


def _place(candidate: BugCandidate) -> Place:
    return candidate.file.path, candidate.entity.start_byte
