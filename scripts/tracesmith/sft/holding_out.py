"""
Keep the instances of a dataset that a training on its rows learnt nothing of.

These are the ones whose group of bugs has no training row: those of the validation rows, and those that the agent of
the rows did not resolve. Where not all of them are wanted, those of the validation rows go first.
"""

import logging
from pathlib import Path

from tracesmith import files, records, summaries
from tracesmith.errors import InputError
from tracesmith.sft import origins, rowfiles

logger = logging.getLogger(__name__)
FORMAT_VERSION = 1


def hold_out(dataset: Path, train: Path, validation: Path, most: int, output: Path) -> int:
    """Write the held-out instances, with a sidecar, and return how many there are."""
    found = origins.read(dataset)
    learnt = _groups(train, found, dataset)
    clean = _groups(validation, found, dataset)
    free = [name for name, origin in sorted(found.items()) if origin.group not in learnt]
    ranked = sorted(free, key=lambda name: (found[name].group not in clean, name))
    kept = set(ranked[:most])
    if not kept:
        raise InputError(f"{dataset}: there are training rows of every instance: raise sft.validation_share")
    funnel = summaries.Funnel()
    for name in found:
        if name in kept:
            funnel.keep()
        else:
            funnel.drop("over_max_instances" if name in ranked else "trained_on")
    inputs = {"dataset": dataset, "train": train, "validation": validation}
    made_by = summaries.made_by("hold_out_instances", FORMAT_VERSION, inputs, {"max_instances": most})
    rows = [instance for instance in records.read_instances(dataset) if instance["instance_id"] in kept]
    files.write_json(summaries.meta_path(output), {"made_by": made_by, "funnel": funnel.as_json()})
    files.write_json(output, rows)
    logger.info("%d of %d instances are held out", len(rows), len(found))
    return len(rows)


def _groups(path: Path, known: dict[str, origins.Origin], dataset: Path) -> set[str]:
    names = {str(row["instance_id"]) for row, _ in rowfiles.read(path)}
    records.check_known(names, known, str(path), str(dataset))
    return {known[name].group for name in names}
