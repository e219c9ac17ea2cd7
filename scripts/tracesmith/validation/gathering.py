"""Gather the valid candidates as task instances, and write their branches into the mirror."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tracesmith import files, git, prepared, records, summaries, workspaces
from tracesmith.errors import InputError
from tracesmith.records import Candidate, Instance
from tracesmith.validation import verdicts

FORMAT_VERSION = 1


def gather(patches: Sequence[Path], reports: Sequence[Path], environment_path: Path, output: Path) -> None:
    """
    Write `logs/task_insts/<repo>.json` from the lists of patches, the validation report of each and its store.

    Raises InputError when nothing is valid, or a report does not belong to its patches.
    """
    if len(patches) != len(reports):
        raise InputError(f"--report: {len(patches)} lists need a report each in the same order, not {len(reports)}")
    environment = prepared.read(environment_path)
    tests = workspaces.test_files(environment_path.parent / environment.source, environment.test)
    candidates = _candidates(patches, environment.repo)
    instances = []
    for listed, report in zip(patches, reports, strict=True):
        for name in _valid(listed, report, candidates[listed]):
            found = _read_verdict(report.parent / name / "report.json")
            instances.append(_instance(candidates[listed][name], found, environment, tests))
    if not instances:
        said = ", ".join(map(str, reports))
        count = sum(map(len, candidates.values()))
        raise InputError(f"{said}: none of the {count} candidates is valid; raise max_bugs, or see its reasons")
    instances.sort(key=lambda instance: instance["instance_id"])
    _write_branches(environment_path.parent / environment.mirror, instances)
    inputs = {**_numbered("patches", patches), **_numbered("report", reports), "environment": environment_path}
    made_by = summaries.made_by("gather_instances", FORMAT_VERSION, inputs, {})
    files.write_json(summaries.meta_path(output), {"made_by": made_by, "instances": len(instances)})
    files.write_json(output, instances)


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


def _read_verdict(path: Path) -> dict[str, Any]:
    """Return the verdict of a valid candidate from its entry in the store."""
    found = files.read_json(path)
    try:
        for value, key in ((found, "FAIL_TO_PASS"), (found, "PASS_TO_PASS"), (found["tracesmith"], "failures")):
            records.check_names(value[key], f"{path}: key {key!r}")
    except (KeyError, TypeError):
        raise InputError(f"{path}: no verdict of validate_bugs on a valid candidate; run it again") from None
    return dict(found)


def _instance(
    candidate: Candidate, report: dict[str, Any], environment: prepared.Environment, tests: list[str]
) -> Instance:
    instance = Instance(
        instance_id=candidate["instance_id"],
        patch=candidate["patch"],
        FAIL_TO_PASS=report["FAIL_TO_PASS"],
        PASS_TO_PASS=report["PASS_TO_PASS"],
        image_name=environment.image_name,
        repo=environment.mirror_name,
    )
    hidden = workspaces.hidden_tests(instance, tests)
    instance["tracesmith"] = {
        "strategy": candidate["strategy"],
        "hidden_tests": hidden,
        "failures": report["tracesmith"]["failures"],
        "source_hash": environment.source_hash,
        **_origin(candidate),
    }
    return instance


def _origin(candidate: Candidate) -> dict[str, Any]:
    """Return what a candidate was made from: bugs that were combined, or the pull request that it undoes."""
    origin: dict[str, Any] = {}
    if "patch_files" in candidate:
        origin["combined"] = candidate["patch_files"]
    if "instance_ref" in candidate:
        pull = candidate["instance_ref"]
        about = {"title": pull["title"], "problem_statement": pull["problem_statement"]}
        origin["pull"] = {"number": pull["pull_number"], **about}
    return origin


def _write_branches(mirror: Path, instances: list[Instance]) -> None:
    wanted = {instance["instance_id"] for instance in instances}
    for name in set(git.branches(mirror)) - wanted - {"main"}:
        git.remove_branch(mirror, name)
    for instance in instances:
        git.write_branch(mirror, instance["instance_id"], instance["patch"], instance["tracesmith"]["hidden_tests"])
