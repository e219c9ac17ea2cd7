"""What is refused before any work: a dataset of another tree."""

from collections.abc import Iterable
from pathlib import Path

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
