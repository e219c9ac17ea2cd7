"""What is refused before any work: a dataset of another tree, and a folder with the grades of another dataset."""

from collections.abc import Container, Iterable
from pathlib import Path

from tracesmith import stores
from tracesmith.errors import InputError
from tracesmith.prepared import Environment
from tracesmith.records import Instance


def check_source(instances: Iterable[Instance], dataset: Path, environment: Environment, path: Path) -> None:
    """
    Raise InputError for an instance that was made from another pristine tree than the environment's.

    Instances made elsewhere do not say what they were made from.
    """
    for instance in instances:
        made_from = instance.get("tracesmith", {}).get("source_hash", environment.source_hash)
        if made_from != environment.source_hash:
            raise InputError(
                f"{dataset} {instance['instance_id']}: was made from the source {str(made_from)[:12]}, {path} holds "
                f"{environment.source_hash[:12]}; build the environment of the dataset's own version, or make the "
                "dataset again"
            )


def check_folder(folder: Path, known: Container[str], dataset: Path) -> None:
    """Raise InputError when a report's folder holds grades, and none is of an instance that the dataset has."""
    found = sorted(entry.parent.name for entry in folder.glob(f"[!.]*/{stores.ENTRY}"))
    if found and not any(name in known for name in found):
        raise InputError(
            f"{folder}: holds grades of another dataset, such as {found[0]}, which is not in {dataset}; "
            "give --output a folder of its own, or remove this one"
        )
