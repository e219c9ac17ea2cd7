"""Make procedural bug candidates: read the sources, break them, choose, write."""

import logging
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tracesmith import files, summaries
from tracesmith.bugs import candidate_files, harvesting, operators, selection, sources
from tracesmith.bugs.candidates import BugCandidate
from tracesmith.bugs.harvesting import Harvest, Limits
from tracesmith.errors import InputError

logger = logging.getLogger(__name__)
FORMAT_VERSION = 2
STORED = re.compile(rf"\.?(bug|metadata)__{operators.PREFIX}")
"""Candidate files of this method, and temporary ones that a killed run left."""
REPO_NAME = re.compile(r"\w[\w.-]*__[\w.-]+", re.ASCII)


@dataclass(frozen=True)
class BugSettings:
    """What decides which candidates are made."""

    source_globs: Sequence[str]
    """Files to break, relative to the source folder."""
    exclude_globs: Sequence[str] = ()
    """Files among them to leave alone: tests, fixtures, generated code."""
    max_bugs: int | None = None
    """How many candidates at most; None is all."""
    per_operator: int | None = None
    """How many candidates of one operator at most; None is all."""
    seed: int = 24
    interleave: bool = True
    """Let the operators take turns; else they come one after the other."""
    max_entities: int | None = None
    """How many functions and initialisers at most, drawn by the seed; None is all."""
    max_candidates: int | None = None
    """Among how many candidates the choice is made, at most; it bounds the memory. None is all."""
    timeout_s: float | None = None
    """After how long no other file is begun; the files come in an order that the seed draws."""

    @property
    def limits(self) -> Limits:
        """How much is looked at."""
        return Limits(self.seed, self.max_entities, self.max_candidates, self.timeout_s)


def generate(source: Path, repo: str, settings: BugSettings, output: Path) -> None:
    """Write the candidates of a source folder beside the summary, and then the summary."""
    check_repo(repo)
    found = sources.read_folder(source, settings.source_globs, settings.exclude_globs)
    harvest = harvesting.harvest(repo, found.files, settings.limits)
    if not harvest.candidates:
        raise InputError(_nothing(source, settings, found))
    chosen = selection.select(
        harvest.candidates, settings.seed, settings.max_bugs, settings.per_operator, settings.interleave
    )
    _count(harvest, chosen, settings)
    funnel = harvest.funnel.as_json()
    summary = {
        "made_by": summaries.made_by("generate_bugs", FORMAT_VERSION, {}, _settings(repo, settings, found)),
        "funnel": funnel,
        "files": {
            "read": len(found.files) - harvest.files_not_reached,
            "not_reached": harvest.files_not_reached,
            "skipped": dict(sorted(found.skipped.items())),
        },
        "operators": _by_operator(harvest, chosen),
        "spread": selection.evenness(harvest.candidates, chosen),
        "candidates": [_row(candidate) for candidate in chosen],
    }
    candidate_files.write(output, _contents(chosen), STORED, summary)
    logger.info("%s: kept %d of %d edits in %d files", repo, funnel["out"], funnel["in"], len(found.files))


def check_repo(repo: str) -> str:
    """Return a repo_name, or raise InputError when it is none."""
    if not REPO_NAME.fullmatch(repo) or ".." in repo:
        raise InputError(f"{repo!r} is no repo_name: OWNER__REPO.COMMIT8 is wanted, as npm__css-what.v8.0.0")
    return repo


def _nothing(source: Path, settings: BugSettings, found: sources.Sources) -> str:
    globs = f"of the globs {' '.join(settings.source_globs)} without {' '.join(settings.exclude_globs) or 'exceptions'}"
    skipped = ", ".join(f"{reason}: {count}" for reason, count in sorted(found.skipped.items())) or "none"
    read = f"{len(found.files)} TypeScript files read, skipped {skipped}"
    return f"{source}: no candidates in the files {globs} ({read}); set the globs to where functions are"


def _count(harvest: Harvest, chosen: Sequence[BugCandidate], settings: BugSettings) -> None:
    """Put the choice into the funnel: what an operator's limit leaves out first, then what max_bugs does."""
    found = Counter(candidate.strategy for candidate in harvest.candidates)
    limit = settings.per_operator or len(harvest.candidates)
    over = sum(max(0, count - limit) for count in found.values())
    for _ in chosen:
        harvest.funnel.keep()
    for position in range(len(harvest.candidates) - len(chosen)):
        harvest.funnel.drop("over_per_operator" if position < over else "over_max_bugs")


def _settings(repo: str, settings: BugSettings, found: sources.Sources) -> dict[str, Any]:
    chosen = {
        name: list(value) if isinstance(value, tuple | list) else value for name, value in asdict(settings).items()
    }
    return {"repo": repo, **chosen, "source": files.digest(found.digests)}


def _by_operator(harvest: Harvest, chosen: Sequence[BugCandidate]) -> dict[str, dict[str, int]]:
    kept = Counter(candidate.strategy for candidate in chosen)
    names = [operator.strategy for operator in operators.TABLE]
    return {name: {"proposed": harvest.proposed[name], "kept": kept[name]} for name in names}


def _row(candidate: BugCandidate) -> dict[str, str]:
    return {
        "instance_id": candidate.instance_id,
        "strategy": candidate.strategy,
        "file": candidate.file.path,
        "entity": candidate.entity.name,
        "diff": f"{candidate.folder}/bug__{candidate.name}.diff",
        "metadata": f"{candidate.folder}/metadata__{candidate.name}.json",
    }


def _contents(chosen: Sequence[BugCandidate]) -> Iterator[tuple[str, bytes]]:
    for candidate in chosen:
        row = _row(candidate)
        yield row["diff"], candidate.patch.encode("utf-8")
        yield row["metadata"], files.json_bytes(candidate.metadata)
