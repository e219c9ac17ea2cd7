"""Gather the valid candidates as task instances, and write their branches into the mirror."""

from pathlib import Path
from typing import Any

from tracesmith import files, git, prepared, records, summaries, workspaces
from tracesmith.errors import InputError
from tracesmith.records import Candidate, Instance
from tracesmith.validation import verdicts

FORMAT_VERSION = 1


def gather(patches: Path, report: Path, environment_path: Path, output: Path) -> None:
    """
    Write `logs/task_insts/<repo>.json` from the validation report, its store and the patches.

    Raises InputError when nothing is valid, or the report does not belong to the patches.
    """
    environment = prepared.read(environment_path)
    candidates = {candidate["instance_id"]: candidate for candidate in records.read_candidates(patches)}
    records.check_repo(candidates.values(), environment.repo, patches)
    verdict_of = _verdicts(report, patches)
    records.check_known(verdict_of, candidates, str(report), str(patches))
    valid = [name for name, verdict in verdict_of.items() if verdict == verdicts.KEPT]
    if not valid:
        raise InputError(
            f"{report}: none of the {len(verdict_of)} candidates is valid; raise max_bugs, or see its reasons"
        )
    tests = workspaces.test_files(environment_path.parent / environment.source, environment.test)
    instances = []
    for name in sorted(valid):
        found = _read_verdict(report.parent / name / "report.json")
        instances.append(_instance(candidates[name], found, environment, tests))
    _write_branches(environment_path.parent / environment.mirror, instances)
    inputs = {"patches": patches, "report": report, "environment": environment_path}
    made_by = summaries.made_by("gather_instances", FORMAT_VERSION, inputs, {})
    files.write_json(summaries.meta_path(output), {"made_by": made_by, "instances": len(instances)})
    files.write_json(output, instances)


def _verdicts(report: Path, patches: Path) -> dict[str, str]:
    value = files.read_json(report)
    try:
        made_from = value["made_by"]["inputs"]["patches"]
        rows = [(row["instance_id"], row["verdict"]) for row in value["instances"]]
    except (KeyError, TypeError):
        raise InputError(f"{report}: no report of validate_bugs") from None
    if made_from != files.digest_file(patches):
        raise InputError(f"{report}: was made from other patches than {patches}; run validate_bugs again")
    for position, (name, _) in enumerate(rows, start=1):
        records.check_instance_id(name, f"{report} record {position}: key 'instance_id'")
    return dict(rows)


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
    }
    return instance


def _write_branches(mirror: Path, instances: list[Instance]) -> None:
    wanted = {instance["instance_id"] for instance in instances}
    for name in set(git.branches(mirror)) - wanted - {"main"}:
        git.remove_branch(mirror, name)
    for instance in instances:
        git.write_branch(mirror, instance["instance_id"], instance["patch"], instance["tracesmith"]["hidden_tests"])
