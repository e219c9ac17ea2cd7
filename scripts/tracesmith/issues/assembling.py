"""Join the task instances and their issue texts to the dataset that agents are run on."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracesmith import files, records, summaries
from tracesmith.errors import InputError

FORMAT_VERSION = 2


@dataclass
class Texts:
    """What write_issues says: how the texts were written, and what became of each instance."""

    mode: str
    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Rows with a text, by instance id."""
    rejected: dict[str, str] = field(default_factory=dict)
    """Why an instance has none."""


def assemble(instances_path: Path, issues_path: Path, output: Path) -> None:
    """
    Write `logs/agent_datasets/<repo>_final.json`: the instances with their `problem_statement`.

    An instance whose text was refused is left out and counted. Raises InputError when write_issues does not know an
    instance, knows another, or has left no text (an empty one is for the mode skip alone).
    """
    instances = records.read_instances(instances_path)
    texts = _read_issues(issues_path)
    names = [instance["instance_id"] for instance in instances]
    known = [*texts.rows, *texts.rejected]
    records.check_known(known, names, str(issues_path), str(instances_path))
    records.check_known(names, known, str(instances_path), str(issues_path))
    funnel = summaries.Funnel()
    kept = []
    for instance in instances:
        name = instance["instance_id"]
        if name in texts.rejected:
            funnel.drop(texts.rejected[name])
            continue
        funnel.keep()
        row = texts.rows[name]
        instance["problem_statement"] = row["problem_statement"]
        issue = {"mode": texts.mode, **row.get("checks", {})}
        instance["tracesmith"] = {**instance.get("tracesmith", {}), "issue": issue}
        kept.append(instance)
    if not kept:
        raise InputError(f"{issues_path}: every text was refused, so that no instance is left")
    inputs = {"instances": instances_path, "issues": issues_path}
    made_by = summaries.made_by("assemble_dataset", FORMAT_VERSION, inputs, {})
    about = {"made_by": made_by, "funnel": funnel.as_json(), "instances": len(kept)}
    files.write_json(summaries.meta_path(output), about)
    files.write_json(output, kept)


def _read_issues(path: Path) -> Texts:
    """Return the texts of a file of write_issues; one of format 1 has no checks and refused none."""
    value = files.read_json(path)
    try:
        texts = Texts(value["mode"])
        rows, rejected = list(value["issues"]), list(value.get("rejected", []))
    except (AttributeError, KeyError, TypeError):
        raise InputError(f"{path}: no issue texts of write_issues") from None
    for position, row in enumerate(rows, start=1):
        name = _name(row, texts, f"{path} record {position}")
        _check_text(row, texts.mode, f"{path} record {position} {name}")
        texts.rows[name] = row
    for position, row in enumerate(rejected, start=1):
        where = f"{path} key 'rejected' record {position}"
        name = _name(row, texts, where)
        if not isinstance(row.get("reason"), str):
            raise InputError(f"{where} {name}: the key 'reason' holds no text")
        texts.rejected[name] = row["reason"]
    return texts


def _name(row: Any, texts: Texts, where: str) -> str:
    if not isinstance(row, dict):
        raise InputError(f"{where}: an object is wanted")
    name = records.check_instance_id(row.get("instance_id"), f"{where}: key 'instance_id'")
    if name in texts.rows or name in texts.rejected:
        raise InputError(f"{where}: {name} has a text already, or was refused one")
    return name


def _check_text(row: dict[str, Any], mode: str, where: str) -> None:
    if not isinstance(row.get("problem_statement"), str):
        raise InputError(f"{where}: the key 'problem_statement' holds no text")
    if not row["problem_statement"].strip() and mode != "skip":
        raise InputError(f"{where}: the text is empty")
    if not isinstance(row.get("checks", {}), dict):
        raise InputError(f"{where}: key 'checks': an object is wanted")
