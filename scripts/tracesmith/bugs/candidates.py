"""Bug candidates: edits that hold as patches, each with its id, its patch and its metadata."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from tracesmith import files
from tracesmith.bugs import diffs
from tracesmith.bugs.entities import Entity
from tracesmith.bugs.operators.base import Operator
from tracesmith.bugs.sources import Edit, SourceText

LONGEST_FOLDER_NAME = 200


@dataclass(frozen=True, eq=False, slots=True)
class BugCandidate:
    """One edit of one place that induces one bug; small, for there may be very many of them."""

    repo: str
    operator: Operator
    file: SourceText
    entity: Entity
    edit: Edit
    hash8: str
    """Of the patch; the path is a part of the patch, hence of the hash."""

    @property
    def strategy(self) -> str:
        """The name of the operator."""
        return self.operator.strategy

    @property
    def patch(self) -> str:
        """The unified diff that induces the bug."""
        return diffs.patch(self.file, self.edit)

    @property
    def name(self) -> str:
        """The strategy and the hash of the patch."""
        return f"{self.strategy}__{self.hash8}"

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
        changed, removed = self.file.edited(self.edit), self.edit.end_byte - self.edit.start_byte
        start = min(self.entity.start_byte, self.edit.start_byte)
        end = max(self.entity.end_byte, self.edit.end_byte) + len(self.edit.replacement) - removed
        rewrite = changed[start:end].decode("utf-8")
        about = {"cost": 0.0, "explanation": self.operator.explanation, "output": "", "rewrite": rewrite}
        return {**about, "strategy": self.strategy}


def candidate(repo: str, operator: Operator, file: SourceText, entity: Entity, edit: Edit) -> BugCandidate:
    """Return the candidate that an edit makes."""
    return BugCandidate(repo, operator, file, entity, edit, files.short_hash(diffs.patch(file, edit)))


def flat_path(path: str) -> str:
    """Return a path as one folder name; a name that no file system would take is cut and gets a hash."""
    name = path.replace("/", "__")
    if len(name.encode("utf-8")) <= LONGEST_FOLDER_NAME:
        return name
    digest = sha256(path.encode("utf-8")).hexdigest()[:8]
    return name.encode("utf-8")[-LONGEST_FOLDER_NAME:].decode("utf-8", "ignore") + f"_{digest}"
