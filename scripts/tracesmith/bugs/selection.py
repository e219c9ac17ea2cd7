"""
Choose candidates so that any first part of the choice is spread over operators, functions and files.

The same seed chooses the same candidates in whatever order they come.
"""

import heapq
from collections import Counter, defaultdict
from collections.abc import Sequence
from hashlib import sha256

from tracesmith.bugs.candidates import BugCandidate

Key = tuple[int, int, bytes, str]


class _Spread:
    """Counts what is chosen, and hands out an operator's candidate from where least was chosen."""

    def __init__(self, candidates: Sequence[BugCandidate], seed: int) -> None:
        self.seed = seed
        self.by_file: Counter[str] = Counter()
        self.by_entity: Counter[tuple[str, int]] = Counter()
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
        rank = sha256(f"{self.seed}:{candidate.instance_id}".encode()).digest()
        return self.by_entity[_place(candidate)], self.by_file[candidate.file.path], rank, candidate.instance_id


def select(
    candidates: Sequence[BugCandidate], seed: int, max_bugs: int | None, per_operator: int | None
) -> list[BugCandidate]:
    """Return the candidates in the order of their choice: the operators take turns, and stop at their limit."""
    spread = _Spread(candidates, seed)
    chosen: list[BugCandidate] = []
    taken: Counter[str] = Counter()
    limit = len(candidates) if max_bugs is None else max_bugs
    while spread.heaps and len(chosen) < limit:
        for strategy in sorted(spread.heaps)[: limit - len(chosen)]:
            chosen.append(spread.take(strategy))
            taken[strategy] += 1
            if taken[strategy] == per_operator:
                spread.heaps.pop(strategy, None)
    return chosen


def _place(candidate: BugCandidate) -> tuple[str, int]:
    return candidate.file.path, candidate.entity.start_byte
