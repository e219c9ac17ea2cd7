"""
Undo pull requests in the current sources: what one of them repaired or added is a bug when it is gone.

Only source files count, and all of a pull request's changes to them or none: what was said of it must stay true.
"""

import logging
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tracesmith import files, summaries
from tracesmith.bugs import candidate_files, diffs, hunks, pulls, sources
from tracesmith.bugs.generation import check_repo
from tracesmith.bugs.normal import Key, NormalForms
from tracesmith.bugs.pulls import Pull
from tracesmith.bugs.sources import Edit, Sources, SourceText
from tracesmith.errors import InputError
from tracesmith.patches import FilePatch

logger = logging.getLogger(__name__)
FORMAT_VERSION = 1
FOLDER = "pr_mirror"
STORED = re.compile(r"\.?(bug|metadata)__pr_\d")
"""Candidate files of this method, and temporary ones that a killed run left."""
Made = tuple[tuple[str, Key], ...]
"""What becomes of each file: paths and normal forms."""


@dataclass(frozen=True)
class RevertSettings:
    """What decides which pull requests are undone."""

    source_globs: Sequence[str]
    """Files that bugs may be put into, relative to the source folder."""
    exclude_globs: Sequence[str] = ()
    """Files among them to leave alone: tests, configuration, generated code."""
    max_bugs: int | None = None
    """How many candidates at most, of the first ones in the file; None is all."""


@dataclass(frozen=True, eq=False)
class Reverted:
    """A pull request that can be undone."""

    pull: Pull
    paths: Sequence[str]
    """The files that change, sorted."""
    patch: str


@dataclass(frozen=True)
class Drop:
    """Why a pull request is no candidate."""

    reason: str
    place: str | None = None
    """Where it does not apply."""


def revert(
    path: Path, source: Path, repo: str, settings: RevertSettings, output: Path, allow_empty: bool = False
) -> None:
    """
    Write the candidates that undo pull requests beside the summary, and then the summary.

    Raises InputError when none can be undone, unless that is allowed.
    """
    check_repo(repo)
    asked = pulls.read(path)
    work = _Work(settings, sources.read_folder(source, settings.source_globs, settings.exclude_globs))
    kept: list[Reverted] = []
    dropped: list[tuple[Pull, Drop]] = []
    for pull in asked:
        made = Drop("over_max_bugs") if len(kept) == settings.max_bugs else work.reverted(pull)
        if isinstance(made, Drop):
            dropped.append((pull, made))
        else:
            kept.append(made)
    if not kept:
        said = _nothing(path, source, Counter(drop.reason for _, drop in dropped))
        if not allow_empty:
            raise InputError(said)
        logger.warning("%s", said)
    candidate_files.write(output, _contents(kept, repo), STORED, _summary(path, repo, work, kept, dropped))
    logger.info("%s: kept %d of %d pull requests", repo, len(kept), len(asked))


class _Work:
    """The undoing of one file's pull requests, each on the pristine sources."""

    def __init__(self, settings: RevertSettings, found: Sources) -> None:
        self.settings = settings
        self.found = found
        self._texts: Mapping[str, SourceText] = {file.path: file for file in found.files}
        self._numbers: set[int] = set()
        self._seen: set[Made] = set()

    def reverted(self, pull: Pull) -> Reverted | Drop:
        """Return the candidate that undoes a pull request, or why there is none."""
        if pull.number in self._numbers:
            return Drop("same_id")
        touched = [file for file in pull.files if self._is_source(file.before) or self._is_source(file.after)]
        changed = [file for file in touched if file.before is not None and file.after is not None]
        if not changed:
            return Drop("adds_or_removes_files" if touched else "no_source_files")
        edits: dict[str, list[Edit]] = {}
        for file in changed:
            found = self._edits(file)
            if isinstance(found, Drop):
                return found
            edits[str(file.after)] = found
        if len(edits) < len(changed):
            return Drop("does_not_apply", "a file stands twice in it")
        return self._kept(pull, {path: edits[path] for path in sorted(edits) if edits[path]})

    def _is_source(self, path: str | None) -> bool:
        """Tell whether bugs may be put into a file, which may be gone by now."""
        if path is None or path in self._texts or path in self.found.digests:
            return path in self._texts
        return sources.may_be_broken(path, self.settings.source_globs, self.settings.exclude_globs)

    def _edits(self, file: FilePatch) -> list[Edit] | Drop:
        """Return the edits that undo the changes of a file, or why there are none."""
        if file.before != file.after:
            return Drop("does_not_apply", f"{file.before} was renamed to {file.after}")
        text = self._texts.get(str(file.after))
        if text is None:
            return Drop("does_not_apply", f"{file.after} is gone")
        try:
            return hunks.edits(text, hunks.undone(file.hunks))
        except hunks.NotFoundError as error:
            return Drop("does_not_apply", f"{file.after} {error}")

    def _kept(self, pull: Pull, edits: Mapping[str, Sequence[Edit]]) -> Reverted | Drop:
        """Return the candidate that the edits make, or why they make none."""
        made, changes = [], False
        for path, found in edits.items():
            file = sources.parsed(self._texts[path])
            edit, forms = file.joined(found), NormalForms(file)
            tree = file.edited_tree(edit)
            if tree is None:
                return Drop("does_not_parse", path)
            before, after = forms.pristine(edit), forms.edited(edit, tree)
            made.append((path, after))
            changes = changes or before != after
        if not changes:
            return Drop("unchanged")
        if tuple(made) in self._seen:
            return Drop("duplicate")
        self._numbers.add(pull.number)
        self._seen.add(tuple(made))
        patch = "".join(diffs.patch(self._texts[path], *found) for path, found in edits.items())
        return Reverted(pull, list(edits), patch)


def _nothing(path: Path, source: Path, dropped: Mapping[str, int]) -> str:
    reasons = ", ".join(f"{reason}: {count}" for reason, count in sorted(dropped.items()))
    asked = sum(dropped.values())
    return (
        f"{path}: none of the {asked} pull requests can be undone in {source} ({reasons}); "
        "give those that were merged not long before this version"
    )


def _summary(
    path: Path, repo: str, work: _Work, kept: Sequence[Reverted], dropped: Sequence[tuple[Pull, Drop]]
) -> dict[str, Any]:
    funnel = summaries.Funnel()
    for _ in kept:
        funnel.keep()
    for _, drop in dropped:
        funnel.drop(drop.reason)
    settings = {**asdict(work.settings), "source": files.digest(work.found.digests)}
    return {
        "made_by": summaries.made_by("revert_pulls", FORMAT_VERSION, {"pulls": path}, {"repo": repo, **settings}),
        "funnel": funnel.as_json(),
        "files": {"read": len(work.found.files), "skipped": dict(sorted(work.found.skipped.items()))},
        "candidates": [_row(one, repo) for one in kept],
        "dropped": [{"number": pull.number, "reason": drop.reason, "place": drop.place} for pull, drop in dropped],
    }


def _row(one: Reverted, repo: str) -> dict[str, str]:
    folder, name = f"{FOLDER}/{repo}-{one.pull.number}", one.pull.strategy
    return {
        "instance_id": f"{repo}.{name}",
        "strategy": name,
        "file": one.paths[0],
        "entity": f"#{one.pull.number}",
        "diff": f"{folder}/bug__{name}.diff",
        "metadata": f"{folder}/metadata__{name}.json",
    }


def _contents(kept: Sequence[Reverted], repo: str) -> Iterator[tuple[str, bytes]]:
    for one in kept:
        row = _row(one, repo)
        explanation = f"What pull request #{one.pull.number} changed is undone."
        about = {"cost": 0.0, "explanation": explanation, "output": "", "rewrite": "", "strategy": row["strategy"]}
        yield row["diff"], one.patch.encode("utf-8")
        yield row["metadata"], files.json_bytes({**about, "instance_ref": one.pull.reference(repo)})
