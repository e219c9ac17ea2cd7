"""Gather the confirmed bugs as task instances, and write their branches into the mirror."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tracesmith import files, git, prepared, summaries, workspaces
from tracesmith.errors import InputError
from tracesmith.records import Candidate, Instance
from tracesmith.validation import confirmations, difficulty, kept
from tracesmith.validation.difficulty import Imports

FORMAT_VERSION = 1


def gather(
    patches: Sequence[Path], reports: Sequence[Path], confirmation: Path, environment_path: Path, output: Path
) -> None:
    """
    Write `logs/task_insts/<repo>.json` from the lists of patches, the report of each, and the confirmation of all.

    Raises InputError when nothing is confirmed, or a report does not belong to its patches.
    """
    environment = prepared.read(environment_path)
    source = environment_path.parent / environment.source
    listed = kept.read(patches, reports, environment.repo)
    inputs = kept.inputs(patches, reports, environment_path)
    confirmed = confirmations.read(confirmation, inputs, [one.name for one in listed])
    tests, imports = workspaces.test_files(source, environment.test), Imports(source)
    instances = []
    for one in listed:
        if one.name in confirmed:
            instance = _instance(one.candidate, confirmed[one.name], environment, tests)
            said = confirmations.read_output(confirmation, one.name)
            instance["tracesmith"]["difficulty"] = _difficulty(instance, one.patches, imports, said)
            instances.append(instance)
    instances.sort(key=lambda instance: instance["instance_id"])
    _write_branches(environment_path.parent / environment.mirror, instances)
    inputs["confirmation"] = confirmation
    made_by = summaries.made_by("gather_instances", FORMAT_VERSION, inputs, {})
    files.write_json(summaries.meta_path(output), {"made_by": made_by, "instances": len(instances)})
    files.write_json(output, instances)


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
    ours = report["tracesmith"]
    instance["tracesmith"] = {
        "strategy": candidate["strategy"],
        "hidden_tests": workspaces.hidden_tests(instance, tests),
        "failures": ours["failures"],
        "source_hash": environment.source_hash,
        **_origin(candidate),
        **{key: ours[key] for key in ("confirmation", "discrimination") if key in ours},
    }
    return instance


def _difficulty(instance: Instance, listed: Path, imports: Imports, output: str) -> dict[str, Any]:
    """Return how hard an instance is; its screened list says whether the type checker let the bug pass."""
    patch, name = instance["patch"], instance["instance_id"]
    found = difficulty.of(patch, name, instance["tracesmith"]["hidden_tests"], imports, output)
    passed = _were_types_checked(listed) and difficulty.is_typescript(patch, name)
    tests = {"fail_to_pass": len(instance["FAIL_TO_PASS"])}
    return {**tests, **found, "found_by_types": False if passed else None, "found_by_linter": None}


def _were_types_checked(listed: Path) -> bool:
    """Tell whether a list holds only candidates that the type checker let pass, by the sidecar of screen_bugs."""
    path = summaries.meta_path(listed)
    if not path.is_file():
        return False
    about = files.read_json(path)
    try:
        made_by = about["made_by"]
        if made_by["stage"] != "screen_bugs":
            return False
        return "types" in made_by["settings"]["screens"] and about["typescript"] is not None and about["errors"] == 0
    except (KeyError, TypeError):
        raise InputError(f"{path}: no sidecar of a list of patches; make the list again") from None


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
