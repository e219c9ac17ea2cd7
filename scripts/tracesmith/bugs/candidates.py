"""Bug candidates: proposed edits that hold as patches, each with its id, its patch and its metadata."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

from tracesmith import files
from tracesmith.bugs import diffs, operators
from tracesmith.bugs.entities import Entity
from tracesmith.bugs.sources import Edit, SourceFile
from tracesmith.summaries import Funnel

LONGEST_FOLDER_NAME = 200


@dataclass(frozen=True, eq=False)
class BugCandidate:
    """One edit of one place that induces one bug."""

    repo: str
    strategy: str
    explanation: str
    file: SourceFile
    entity: Entity
    edit: Edit

    @cached_property
    def patch(self) -> str:
        """The unified diff that induces the bug."""
        return diffs.patch(self.file, self.edit)

    @property
    def name(self) -> str:
        """The strategy and the hash of the patch; the path is a part of the patch, hence of the hash."""
        return f"{self.strategy}__{self._hash8}"

    @property
    def instance_id(self) -> str:
        """The name of the instance that the candidate may become."""
        return f"{self.repo}.{self.name}"

    @property
    def folder(self) -> str:
        """The folder of the candidate's files, relative to the repository's folder."""
        return f"{flat_path(self.file.path)}/{self.entity.folder_name}"

    @property
    def metadata(self) -> dict[str, Any]:
        """The keys of SWE-smith's metadata files; `rewrite` is the entity's text with the bug."""
        changed, added = self.file.edited(self.edit), len(self.edit.replacement) - self._removed
        start = min(self.entity.start_byte, self.edit.start_byte)
        rewrite = changed[start : max(self.entity.end_byte, self.edit.end_byte) + added].decode("utf-8")
        about = {"cost": 0.0, "explanation": self.explanation, "output": "", "rewrite": rewrite}
        return {**about, "strategy": self.strategy}

    @property
    def _removed(self) -> int:
        return self.edit.end_byte - self.edit.start_byte

    @cached_property
    def _hash8(self) -> str:
        return files.short_hash(self.patch)


def flat_path(path: str) -> str:
    """Return a path as one folder name; a name that no file system would take is cut and gets a hash."""
    name = path.replace("/", "__")
    if len(name.encode("utf-8")) <= LONGEST_FOLDER_NAME:
        return name
    digest = sha256(path.encode("utf-8")).hexdigest()[:8]
    return name.encode("utf-8")[-LONGEST_FOLDER_NAME:].decode("utf-8", "ignore") + f"_{digest}"


@dataclass(frozen=True)
class Harvest:
    """The candidates that hold, and what became of the other proposals."""

    candidates: list[BugCandidate]
    """In the order of the files' paths and of the places in them."""
    funnel: Funnel
    """The proposals that were dropped; nothing is kept in it yet."""
    proposed: Counter[str]
    """How many edits each strategy proposed."""


def harvest(repo: str, sources: Iterable[SourceFile]) -> Harvest:
    """
    Return the candidates of all files.

    A candidate parses, differs in more than white space from the original, and makes a text that no other one makes.
    """
    kept: dict[str, BugCandidate] = {}
    funnel, proposed = Funnel(), Counter[str]()
    for file in sorted(sources, key=lambda one: one.path):
        seen: set[bytes] = set()
        for operator, entity, edit in operators.proposals(file):
            proposed[operator.strategy] += 1
            reason = _fault(file, edit, seen)
            found = BugCandidate(repo, operator.strategy, operator.explanation, file, entity, edit)
            if reason is None and kept.setdefault(found.instance_id, found) is not found:
                reason = "same_id"
            if reason is not None:
                funnel.drop(reason)
    return Harvest(list(kept.values()), funnel, proposed)


def _fault(file: SourceFile, edit: Edit, seen: set[bytes]) -> str | None:
    """Return why an edit is no candidate, or None; what it makes of the file is then among the seen."""
    if b"".join(edit.replacement.split()) == b"".join(file.data[edit.start_byte : edit.end_byte].split()):
        return "unchanged"
    text = sha256(file.edited(edit)).digest()
    if text in seen:
        return "duplicate"
    if not file.parses_with(edit):
        return "does_not_parse"
    seen.add(text)
    return None
