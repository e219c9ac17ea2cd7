"""The bugs that can be parts of a combined one: valid, and edits of the pristine sources."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tracesmith import patches, records
from tracesmith.bugs import hunks, sources
from tracesmith.bugs.sources import Edit, SourceText
from tracesmith.patches import FilePatch
from tracesmith.records import Candidate
from tracesmith.summaries import Funnel


@dataclass(frozen=True, eq=False)
class Part:
    """A valid bug as edits."""

    candidate: Candidate
    edits: Mapping[str, Sequence[Edit]]
    """By the path of the file."""

    @property
    def name(self) -> str:
        """The instance id."""
        return self.candidate["instance_id"]


@dataclass(frozen=True, eq=False)
class Parts:
    """The parts, the files that they change, and what became of the other candidates."""

    by_name: dict[str, Part]
    """In the order of the names."""
    files: dict[str, SourceText]
    digests: dict[str, str]
    funnel: Funnel


def read(path: Path, candidates: Sequence[Candidate], verdict_of: Mapping[str, str], source: Path) -> Parts:
    """Return the candidates that can be parts; `path` is where they come from, for errors."""
    funnel = Funnel()
    changed: list[tuple[Candidate, list[FilePatch]]] = []
    for candidate in sorted(candidates, key=lambda one: one["instance_id"]):
        name = candidate["instance_id"]
        if verdict_of.get(name) == records.VALID:
            changed.append((candidate, patches.parse(candidate["patch"], f"{path} {name}: key 'patch'")))
        else:
            funnel.drop("not_valid")
    found = sources.read_files(source, {str(file.after) for _, parsed in changed for file in parsed})
    files = {file.path: file for file in found.files}
    by_name = {}
    for candidate, parsed in changed:
        part = Part(candidate, {}) if (reason := _unfit(parsed, files)) else _part(candidate, parsed, files)
        if part.edits:
            by_name[part.name] = part
            funnel.keep()
        else:
            funnel.drop(reason or "does_not_apply")
    return Parts(by_name, files, found.digests, funnel)


def _part(candidate: Candidate, parsed: Sequence[FilePatch], files: Mapping[str, SourceText]) -> Part:
    """Return a candidate as a part; it has no edits when it does not apply."""
    edits = {}
    for file in parsed:
        path = str(file.after)
        try:
            edits[path] = hunks.edits(files[path], hunks.done(file.hunks))
        except hunks.NotFoundError:
            return Part(candidate, {})
    return Part(candidate, {path: found for path, found in edits.items() if found})


def _unfit(parsed: Sequence[FilePatch], files: Mapping[str, SourceText]) -> str | None:
    """Return why a patch is no part, or None."""
    paths = [file.after for file in parsed]
    if any(file.before != file.after or file.after not in files for file in parsed):
        return "no_source_file"
    return "does_not_apply" if len(set(paths)) < len(paths) else None
