"""
The records that cross files, and their readers.

Formats: SWE-smith 0.0.9 (bug candidates, task instances, evaluation reports) and SWE-agent 1.1 (predictions). A reader
checks what the pipeline relies on and raises InputError with the file and the first offender; keys it does not know
are kept. Our own additions to a foreign record sit under its key `tracesmith`.
"""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NotRequired, TypedDict

from tracesmith import files
from tracesmith.errors import InputError

# The end ".lock" is refused for git, which has no such branches.
INSTANCE_ID = re.compile(r"(?!.*\.\.)(?!.*\.(?:lock)?$)[A-Za-z0-9_][A-Za-z0-9_.-]{0,199}")
TEST_LISTS = ("FAIL_TO_PASS", "PASS_TO_PASS")
VALID = "valid"
"""The verdict on a candidate that tests see and that leaves tests to pass."""


class Reference(TypedDict):
    """The pull request that a candidate undoes, under the key `instance_ref` of SWE-smith's."""

    instance_id: str
    repo: str
    pull_number: int
    base_commit: str | None
    title: str
    problem_statement: str


class Candidate(TypedDict):
    """A bug candidate of `logs/bug_gen/<repo>_all_patches.json`: the metadata keys of SWE-smith, id, patch, repo."""

    cost: float
    explanation: str
    output: str
    rewrite: str
    strategy: str
    instance_id: str
    patch: str
    repo: str
    instance_ref: NotRequired[Reference]
    """Of a pull request's candidate."""
    patch_files: NotRequired[list[str]]
    """Of a combined candidate: the instance ids of its parts."""
    num_patch_files: NotRequired[int]


class Instance(TypedDict):
    """A task instance: `logs/task_insts/<repo>.json`, and with `problem_statement` the final dataset."""

    instance_id: str
    patch: str
    FAIL_TO_PASS: list[str]
    PASS_TO_PASS: list[str]
    image_name: str
    repo: str
    problem_statement: NotRequired[str]
    tracesmith: NotRequired[dict[str, Any]]


class Prediction(TypedDict):
    """An agent's answer in `preds.json`; a null `model_patch` means that it submitted nothing."""

    instance_id: str
    model_patch: str | None
    model_name_or_path: str


class RunReport(TypedDict):
    """The run-level report of an evaluation."""

    resolved: int
    unresolved: int
    total: int
    ids_resolved: list[str]
    ids_unresolved: list[str]
    tracesmith: NotRequired[dict[str, Any]]


def check_instance_id(value: Any, where: str) -> str:
    """Return an instance id that is safe as the name of a file, a branch and a container, or raise InputError."""
    if not isinstance(value, str) or not INSTANCE_ID.fullmatch(value):
        raise InputError(
            f"{where}: {value!r} is no instance id: use letters, digits, '_', '-' and single '.' only (at most 200)"
        )
    return value


def read_candidates(path: Path, allow_empty: bool = False) -> list[Candidate]:
    """
    Return the bug candidates of a JSON list; the minimal rows {instance_id, patch | model_patch, repo} will do.

    Combined bugs may be none: their list may be empty where that is allowed.
    """
    rows: list[Any] = _list_of_objects(path)
    if rows or not allow_empty:
        rows = _unique_rows(path, rows)
    for row in rows:
        where = f"{path} {row['instance_id']}"
        row["patch"] = _text(row, "patch" if "patch" in row else "model_patch", where)
        row.setdefault("strategy", strategy_of(row["instance_id"]))
        for key in ("strategy", "explanation", "output", "rewrite"):
            row.setdefault(key, "")
            _text(row, key, where)
        row.setdefault("cost", 0.0)
        _text(row, "repo", where)
        if "instance_ref" in row:
            _check_reference(row["instance_ref"], f"{where}: key 'instance_ref'")
        if "patch_files" in row:
            check_names(row["patch_files"], f"{where}: key 'patch_files'")
    return rows


def strategy_of(instance_id: str) -> str:
    """Return what made an instance, as its id names it: the part between the repository and the hash."""
    return instance_id.rsplit(".", 1)[-1].rsplit("__", 1)[0]


def read_verdicts(report: Path, patches: Path, candidates: Iterable[str]) -> dict[str, str]:
    """Return the verdict on each candidate of a validation report, which must have been made from these patches."""
    value = files.read_json(report)
    try:
        made_from = value["made_by"]["inputs"]["patches"]
        rows = [(row["instance_id"], row["verdict"]) for row in value["instances"]]
    except (KeyError, TypeError):
        raise InputError(f"{report}: no report of validate_bugs") from None
    if made_from != files.digest_file(patches):
        raise InputError(f"{report}: was made from other patches than {patches}; run validate_bugs again")
    for position, (name, _) in enumerate(rows, start=1):
        check_instance_id(name, f"{report} record {position}: key 'instance_id'")
    check_known((name for name, _ in rows), candidates, str(report), str(patches))
    return dict(rows)


def read_instances(path: Path, statements: bool = False) -> list[Instance]:
    """Return the task instances of a JSON list, or JSONL; with `statements` each must have a `problem_statement`."""
    rows = _unique_rows(path, _rows(path))
    for row in rows:
        where = f"{path} {row['instance_id']}"
        if not _text(row, "patch", where).strip():
            raise InputError(f"{where}: the key 'patch' is empty: an instance is made by its bug patch")
        _text(row, "image_name", where)
        _text(row, "repo", where)
        for key in TEST_LISTS:
            check_names(row.get(key), f"{where}: key {key!r}")
        if not row["FAIL_TO_PASS"]:
            raise InputError(f"{where}: FAIL_TO_PASS is empty: no test can tell a fix from the bug")
        if statements:
            _text(row, "problem_statement", where)
        _check_extras(row, where)
    return rows


def read_predictions(path: Path) -> dict[str, Prediction]:
    """Return the predictions of a `preds.json` object, or of JSONL rows, by instance id."""
    if path.suffix == ".jsonl":
        rows = _unique_rows(path, _rows(path))
    else:
        found = files.read_json(path)
        if not isinstance(found, dict):
            raise InputError(f"{path}: an object {{instance_id: prediction}} is wanted, this is {_kind(found)}")
        rows = _unique_rows(path, _checked_objects(path, list(found.values())))
        for key, row in zip(found, rows, strict=True):
            if key != row["instance_id"]:
                raise InputError(f"{path}: the entry {key!r} holds the prediction of {row['instance_id']!r}")
    return {row["instance_id"]: check_prediction(row, f"{path} {row['instance_id']}") for row in rows}


def check_prediction(value: Any, where: str) -> Prediction:
    """Return one prediction, its `model_patch` null where it is missing, or raise InputError."""
    check_object(value, where)
    check_instance_id(value.get("instance_id"), f"{where}: key 'instance_id'")
    _text(value, "model_name_or_path", where)
    if value.get("model_patch") is not None:
        _text(value, "model_patch", where)
    return {**value, "model_patch": value.get("model_patch")}  # type: ignore[typeddict-item]


def read_run_report(path: Path) -> RunReport:
    """Return the run-level report of an evaluation."""
    report = files.read_json(path)
    if not isinstance(report, dict):
        raise InputError(f"{path}: an evaluation report is an object, this is {_kind(report)}")
    for key in ("ids_resolved", "ids_unresolved"):
        for name in check_names(report.get(key), f"{path}: key {key!r}"):
            check_instance_id(name, f"{path}: key {key!r}")
    both = set(report["ids_resolved"]) & set(report["ids_unresolved"])
    if both:
        raise InputError(f"{path}: {min(both)} is listed as resolved and as unresolved")
    for kind in ("resolved", "unresolved"):
        ids = report[f"ids_{kind}"]
        if len(set(ids)) < len(ids):
            raise InputError(f"{path}: key 'ids_{kind}' names {next(i for i in ids if ids.count(i) > 1)} twice")
        if report.get(kind, len(ids)) != len(ids):
            raise InputError(f"{path}: key {kind!r} is not the number of ids in 'ids_{kind}' ({len(ids)})")
    _check_extras(report, str(path))
    return report  # type: ignore[return-value]


def _check_extras(record: dict[str, Any], where: str) -> None:
    """Raise InputError unless our own additions to a record are an object, where there are any."""
    extras = record.get("tracesmith", {})
    if not isinstance(extras, dict):
        raise InputError(f"{where}: key 'tracesmith': an object is wanted, this is {_kind(extras)}")


def check_known(ids: Iterable[str], known: Iterable[str], where: str, source: str) -> None:
    """Raise InputError when an id is not among the known ones, naming the first."""
    unknown = sorted(set(ids) - set(known))
    if unknown:
        raise InputError(f"{where}: {len(unknown)} instance ids are not in {source}, the first is {unknown[0]}")


def check_repo(candidates: Iterable[Candidate], repo: str, path: Path) -> None:
    """Raise InputError when a candidate is of another repository than the environment, naming the first."""
    for row in candidates:
        if row["repo"].rsplit("/", 1)[-1] != repo:
            raise InputError(f"{path} {row['instance_id']}: is of {row['repo']}, the environment is of {repo}")
        if row["instance_id"] == f"{repo}.ref":
            raise InputError(
                f"{path} {row['instance_id']}: this id names the reference run; give the candidate another"
            )


def check_object(value: Any, where: str) -> dict[str, Any]:
    """Return an object, or raise InputError."""
    if not isinstance(value, dict):
        raise InputError(f"{where}: an object is wanted, this is {_kind(value)}")
    return value


def check_names(value: Any, where: str) -> list[str]:
    """Return a list of texts, or raise InputError."""
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise InputError(f"{where}: a list of texts is wanted, this is {_kind(value)}")
    return value


def _check_reference(value: Any, where: str) -> None:
    check_object(value, where)
    number = value.get("pull_number")
    if isinstance(number, bool) or not isinstance(number, int):
        raise InputError(f"{where}: key 'pull_number': a whole number is wanted, this is {_kind(number)}")
    title = _text(value, "problem_statement", where).strip().split("\n", 1)[0]
    value.setdefault("title", title)  # SWE-smith writes none
    _text(value, "title", where)


def _rows(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".jsonl":
        return _checked_objects(path, [value for _, value in files.read_jsonl(path)])
    return _list_of_objects(path)


def _list_of_objects(path: Path) -> list[dict[str, Any]]:
    rows = files.read_json(path)
    if not isinstance(rows, list):
        raise InputError(f"{path}: a list of objects is wanted, this is {_kind(rows)}")
    return _checked_objects(path, rows)


def _checked_objects(path: Path, rows: list[Any]) -> list[dict[str, Any]]:
    for position, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise InputError(f"{path} record {position}: an object is wanted, this is {_kind(row)}")
    return rows


def _unique_rows(path: Path, rows: list[dict[str, Any]]) -> list[Any]:
    if not rows:
        raise InputError(f"{path}: there is no record in it")
    seen: dict[str, int] = {}
    for position, row in enumerate(rows, start=1):
        name = check_instance_id(row.get("instance_id"), f"{path} record {position}: key 'instance_id'")
        if name in seen:
            raise InputError(f"{path} record {position}: {name} stands already in record {seen[name]}")
        seen[name] = position
    return rows


def _text(row: dict[str, Any], key: str, where: str) -> str:
    value = row.get(key)
    if not isinstance(value, str):
        raise InputError(f"{where}: key {key!r}: a text is wanted, this is {_kind(value)}")
    return value


def _kind(value: Any) -> str:
    if value is None:
        return "null or missing"
    return {dict: "an object", list: "a list", str: "a text", bool: "a boolean"}.get(type(value), "a number")
