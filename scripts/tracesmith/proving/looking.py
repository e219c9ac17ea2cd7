"""Look for many needles at once, and tell what a find means for one instance."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import ahocorasick_rs

from tracesmith.proving import needles, unpacking
from tracesmith.proving.needles import Needle
from tracesmith.sandboxes.base import TESTBED

GIT = f"{TESTBED}/.git/"


@dataclass
class Finds:
    """Where needles were found, and what could not be looked through."""

    places: dict[bytes, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    """(path, way into what is packed there) of each key."""
    unread: dict[str, tuple[str, str]] = field(default_factory=dict)
    """(way, reason) by path."""
    files: int = 0

    def without(self, paths: Iterable[str]) -> "Finds":
        """Return the finds in all other files."""
        gone = set(paths)
        kept = Finds(unread={path: why for path, why in self.unread.items() if path not in gone}, files=self.files)
        for key, places in self.places.items():
            kept.places[key] = {place for place in places if place[0] not in gone}
        return kept

    def plus(self, other: "Finds") -> "Finds":
        """Return the finds of both."""
        both = Finds(unread={**self.unread, **other.unread}, files=self.files + other.files)
        for found in (self, other):
            for key, places in found.places.items():
                both.places[key] |= places
        return both


class Needles:
    """All needles of a dataset, made ready to be looked for in one pass."""

    def __init__(self, wanted: Mapping[str, Sequence[Needle]]) -> None:
        self.of = wanted
        self.keys = sorted({needle.key for found in wanted.values() for needle in found})
        self._automaton = ahocorasick_rs.BytesAhoCorasick(self.keys or [b"\0"])

    def look(self, contents: Iterable[tuple[str, bytes]]) -> Finds:
        """Look for every needle in files and all that is packed in them."""
        finds = Finds()
        for path, data in contents:
            finds.files += 1
            for part in unpacking.parts(path, data):
                if part.unread:
                    finds.unread[path] = (part.name, part.unread)
                for number, _, _ in self._automaton.find_matches_as_indexes(needles.form(part.data), overlapping=True):
                    finds.places[self.keys[number]].add((path, part.name))
        return finds


@dataclass(frozen=True)
class Proof:
    """What was found of one instance's fix."""

    needles: int
    """Distinctive texts that were looked for; where there are none, nothing is proved."""
    leaks: dict[str, str]
    """The fixed text by the file (and the way into it) that holds it and should not."""
    copies: dict[str, str]
    """Likewise, files of the repository itself that repeat the code: a workspace cannot do without them."""


def judge(finds: Finds, wanted: Sequence[Needle], tracked: Iterable[str], touched: Iterable[str]) -> Proof:
    """
    Tell what finds mean for an instance.

    `tracked` are the repository's own files, `touched` those that the bug changes. What still stands in a touched file
    stood there more than once and tells nothing; a single line that another file of the repository has is a common one.
    """
    own, changed = {f"{TESTBED}/{path}" for path in tracked}, {f"{TESTBED}/{path}" for path in touched}
    leaks: dict[str, str] = {}
    copies: dict[str, str] = {}
    told = 0
    for needle in wanted:
        places = finds.places.get(needle.key, set())
        paths = {path for path, _ in places}
        if paths & changed or (not needle.is_block and paths & own):
            continue
        told += 1
        for path, way in sorted(places):
            if path in own:
                copies.setdefault(way.removeprefix(f"{TESTBED}/"), needle.text)
            elif not (path.startswith(GIT) and paths & own):
                leaks.setdefault(way.removeprefix(f"{TESTBED}/"), needle.text)
    return Proof(told, leaks, copies)
