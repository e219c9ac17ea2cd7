"""The candidates that validation kept: those of several lists, with the report of each."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracesmith import files, records
from tracesmith.errors import InputError
from tracesmith.records import Candidate
from tracesmith.validation import verdicts


@dataclass(frozen=True)
class Kept:
    """A valid candidate."""

    candidate: Candidate
    patches: Path
    """The list in which it stands."""
    verdict: Path
    """Its report in the store of validate_bugs."""

    @property
    def name(self) -> str:
        """Its instance id."""
        return self.candidate["instance_id"]


def read(patches: Sequence[Path], reports: Sequence[Path], repo: str) -> list[Kept]:
    """
    Return the valid candidates in the order of the lists.

    Raises InputError when nothing is valid, or a report does not belong to its patches.
    """
    if len(patches) != len(reports):
        raise InputError(f"--report: {len(patches)} lists need a report each in the same order, not {len(reports)}")
    candidates = _candidates(patches, repo)
    found = []
    for listed, report in zip(patches, reports, strict=True):
        for name in _valid(listed, report, candidates[listed]):
            found.append(Kept(candidates[listed][name], listed, report.parent / name / "report.json"))
    if not found:
        said = ", ".join(map(str, reports))
        count = sum(map(len, candidates.values()))
        raise InputError(f"{said}: none of the {count} candidates is valid; raise max_bugs, or see its reasons")
    return found


def read_verdict(path: Path) -> dict[str, Any]:
    """Return the verdict of a valid candidate from its entry in the store."""
    found = files.read_json(path)
    try:
        for value, key in ((found, "FAIL_TO_PASS"), (found, "PASS_TO_PASS"), (found["tracesmith"], "failures")):
            records.check_names(value[key], f"{path}: key {key!r}")
    except (KeyError, TypeError):
        raise InputError(f"{path}: no verdict of validate_bugs on a valid candidate; run it again") from None
    return dict(found)


def inputs(patches: Sequence[Path], reports: Sequence[Path], environment: Path) -> dict[str, Path]:
    """Return the inputs of a stage by the names under which `made_by` has their hashes."""
    return {**_numbered("patches", patches), **_numbered("report", reports), "environment": environment}


def _candidates(patches: Sequence[Path], repo: str) -> dict[Path, dict[str, Candidate]]:
    """Return the candidates of each list by their ids, each of which stands in one list only."""
    found: dict[Path, dict[str, Candidate]] = {}
    where: dict[str, Path] = {}
    for path in patches:
        rows = records.read_candidates(path, allow_empty=True)
        records.check_repo(rows, repo, path)
        for row in rows:
            if (other := where.setdefault(row["instance_id"], path)) != path or path in found:
                raise InputError(f"{path} {row['instance_id']}: stands already in {other}")
        found[path] = {row["instance_id"]: row for row in rows}
    return found


def _valid(patches: Path, report: Path, candidates: dict[str, Candidate]) -> list[str]:
    verdict_of = records.read_verdicts(report, patches, candidates)
    return [name for name, verdict in verdict_of.items() if verdict == verdicts.KEPT]


def _numbered(name: str, paths: Sequence[Path]) -> dict[str, Path]:
    """Name the inputs of one kind: the first as if it were the only one."""
    return {name if number == 1 else f"{name}_{number}": path for number, path in enumerate(paths, start=1)}
