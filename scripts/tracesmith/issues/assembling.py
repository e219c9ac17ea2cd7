"""Join the task instances and their issue texts to the dataset that agents are run on."""

from pathlib import Path

from tracesmith import files, records, summaries
from tracesmith.errors import InputError

FORMAT_VERSION = 1


def assemble(instances_path: Path, issues_path: Path, output: Path) -> None:
    """
    Write `logs/agent_datasets/<repo>_final.json`: the instances with their `problem_statement`.

    Raises InputError when an instance has no text (unless the mode is skip) or a text no instance.
    """
    instances = records.read_instances(instances_path)
    mode, texts = _read_issues(issues_path)
    names = [instance["instance_id"] for instance in instances]
    records.check_known(texts, names, str(issues_path), str(instances_path))
    records.check_known(names, texts, str(instances_path), str(issues_path))
    for instance in instances:
        instance["problem_statement"] = texts[instance["instance_id"]]
        instance["tracesmith"] = {**instance.get("tracesmith", {}), "issue_mode": mode}
        if not instance["problem_statement"].strip() and mode != "skip":
            raise InputError(f"{issues_path} {instance['instance_id']}: the text is empty")
    inputs = {"instances": instances_path, "issues": issues_path}
    made_by = summaries.made_by("assemble_dataset", FORMAT_VERSION, inputs, {})
    files.write_json(summaries.meta_path(output), {"made_by": made_by, "instances": len(instances)})
    files.write_json(output, instances)


def _read_issues(path: Path) -> tuple[str, dict[str, str]]:
    value = files.read_json(path)
    try:
        mode, rows = value["mode"], [(row["instance_id"], row["problem_statement"]) for row in value["issues"]]
    except (KeyError, TypeError):
        raise InputError(f"{path}: no issue texts of write_issues") from None
    texts: dict[str, str] = {}
    for position, (name, text) in enumerate(rows, start=1):
        where = f"{path} record {position}"
        if records.check_instance_id(name, f"{where}: key 'instance_id'") in texts:
            raise InputError(f"{where}: {name} has a text already")
        if not isinstance(text, str):
            raise InputError(f"{where} {name}: the key 'problem_statement' holds no text")
        texts[name] = text
    return mode, texts
