"""
Find the candidates of all files, one file at a time.

What is found does not depend on the order of the files. The pool keeps so many candidates and no more: its memory does
not grow with the number that is found.
"""

import heapq
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256

from tracesmith.bugs import entities, operators, sources
from tracesmith.bugs.candidates import BugCandidate, candidate
from tracesmith.bugs.normal import Key, NormalForms
from tracesmith.bugs.sources import SourceFile, SourceText
from tracesmith.summaries import Funnel

logger = logging.getLogger(__name__)
Place = tuple[str, int]
"""A function: the path of its file and where it begins."""


@dataclass(frozen=True)
class Limits:
    """How much is looked at; None is all of it."""

    seed: int = 24
    max_entities: int | None = None
    """Functions that are broken, drawn by the seed."""
    max_candidates: int | None = None
    """Candidates to choose among."""
    timeout_s: float | None = None
    """After so long no other file is begun."""


@dataclass(frozen=True)
class Harvest:
    """The candidates that hold, and what became of the other proposals."""

    candidates: list[BugCandidate]
    """In the order of the files' paths and of the places in them."""
    funnel: Funnel
    """The proposals that were dropped; nothing is kept in it yet."""
    proposed: Counter[str]
    """How many edits each strategy proposed."""
    files_not_reached: int
    """Files that were left when the time was up."""


def harvest(repo: str, texts: Iterable[SourceText], limits: Limits | None = None) -> Harvest:
    """
    Return the candidates of all files.

    A candidate parses, differs from the original in more than white space, comments and parentheses, and makes code
    that no other one makes.
    """
    limits = limits or Limits()
    ordered = sorted(texts, key=lambda one: rank(limits.seed, one.path))
    chosen = _chosen_entities(ordered, limits)
    funnel, proposed, pool = Funnel(), Counter[str](), _Pool(limits)
    started, reached = time.monotonic(), 0
    for text in ordered:
        if reached and limits.timeout_s is not None and time.monotonic() - started > limits.timeout_s:
            logger.warning("%s: %s s are over: %d files not reached", repo, limits.timeout_s, len(ordered) - reached)
            break
        pool.add(list(_candidates_of(repo, sources.parsed(text), chosen, funnel, proposed)), funnel)
        reached += 1
    return Harvest(pool.candidates(), funnel, proposed, len(ordered) - reached)


def rank(seed: int, name: str) -> bytes:
    """Return what things are sorted by to shuffle them: the same for a seed, whatever else there is."""
    return sha256(f"{seed}:{name}".encode()).digest()


def _candidates_of(
    repo: str, file: SourceFile, chosen: set[Place] | None, funnel: Funnel, proposed: Counter[str]
) -> Iterator[BugCandidate]:
    text, forms, seen, ids = file.text(), NormalForms(file), set[Key](), set[str]()
    for operator, entity, edit in operators.proposals(file):
        if chosen is not None and (file.path, entity.start_byte) not in chosen:
            continue
        proposed[operator.strategy] += 1
        reason = _fault(file, edit, forms, seen)
        if reason is None:
            found = candidate(repo, operator, text, entity, edit)
            if found.name not in ids:
                ids.add(found.name)
                yield found
                continue
            reason = "same_id"
        funnel.drop(reason)


def _fault(file: SourceFile, edit: sources.Edit, forms: NormalForms, seen: set[Key]) -> str | None:
    """Return why an edit is no candidate, or None; what it makes of the file is then among the seen."""
    if b"".join(edit.replacement.split()) == b"".join(file.data[edit.start_byte : edit.end_byte].split()):
        return "unchanged"
    tree = file.edited_tree(edit)
    if tree is None:
        return "does_not_parse"
    before = forms.pristine(edit)  # first: it learns what stays as it is
    key = forms.edited(edit, tree)
    if key == before:
        return "unchanged"
    if key in seen:
        return "duplicate"
    seen.add(key)
    return None


def _chosen_entities(texts: Sequence[SourceText], limits: Limits) -> set[Place] | None:
    """Draw the functions that are broken; None when all are."""
    if limits.max_entities is None:
        return None
    places: set[Place] = set()
    for text in texts:
        owners = {entity.start_byte for _, entity in entities.code_of(sources.parsed(text))}
        places |= {(text.path, start) for start in owners}
    ranked = sorted(places, key=lambda place: rank(limits.seed, f"{place[0]}:{place[1]}"))
    return set(ranked[: limits.max_entities])


class _Pool:
    """The candidates to choose among: of every file, and of every operator in it, first the best ranked one."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.heap: list[tuple[int, bytes, str, BugCandidate]] = []  # the worst stands first

    def add(self, found: list[BugCandidate], funnel: Funnel) -> None:
        """Add the candidates of one file; those that have no place any more are counted in the funnel."""
        by_strategy: defaultdict[str, list[tuple[bytes, BugCandidate]]] = defaultdict(list)
        for one in found:
            by_strategy[one.strategy].append((rank(self.limits.seed, one.instance_id), one))
        for ranked in by_strategy.values():
            for turn, (place, one) in enumerate(sorted(ranked, key=lambda pair: pair[0])):
                entry = (-turn, bytes(255 - byte for byte in place[:8]), one.instance_id, one)
                if self.limits.max_candidates is None or len(self.heap) < self.limits.max_candidates:
                    heapq.heappush(self.heap, entry)
                else:
                    heapq.heappushpop(self.heap, entry)
                    funnel.drop("over_max_candidates")

    def candidates(self) -> list[BugCandidate]:
        """Return what is in the pool, in the order of the places."""
        found = [entry[-1] for entry in self.heap]
        return sorted(found, key=lambda one: (one.file.path, one.edit.start_byte, one.edit.end_byte, one.instance_id))
