"""Keep the SFT rows of resolved instances, byte for byte as they are, one line in memory at a time."""

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tracesmith import files, records, summaries
from tracesmith.errors import InputError
from tracesmith.records import RunReport

logger = logging.getLogger(__name__)
FORMAT_VERSION = 1


class EmptySelectionError(InputError):
    """No line of the file belongs to a resolved instance."""


def filter_resolved(lines: Path, report: Path, output: Path) -> int:
    """Stream the lines of resolved instances to the output, write its sidecar and return how many lines are kept."""
    if not lines.is_file():
        raise InputError(f"{lines}: no such file; convert_trajectories.py writes it")
    verdicts = records.read_run_report(report)
    if not verdicts["ids_resolved"]:
        raise EmptySelectionError(f"{report}: no instance was resolved, so there is nothing to train on")
    made_by = summaries.made_by("filter_resolved", FORMAT_VERSION, {"lines": lines, "report": report}, {})
    resolved, unresolved = set(verdicts["ids_resolved"]), set(verdicts["ids_unresolved"])
    funnel, without_row = summaries.Funnel(), set(resolved)
    with files.atomic_writer(output) as out:
        for instance_id, line in _checked_lines(lines, verdicts, report):
            if instance_id in resolved:
                funnel.keep()
                without_row.discard(instance_id)
                out.write(line)
            else:
                funnel.drop("unresolved" if instance_id in unresolved else "not_in_report")
        if not funnel.kept:
            raise EmptySelectionError(f"{lines}: none of the {len(resolved)} resolved ids of {report} has a line")
    sidecar = {"made_by": made_by, "funnel": funnel.as_json(), "resolved_without_row": len(without_row)}
    files.write_json(summaries.meta_path(output), sidecar)
    logger.info(
        "kept %d lines of %d resolved ids, %d of them without a line", funnel.kept, len(resolved), len(without_row)
    )
    return funnel.kept


def _checked_lines(path: Path, report: RunReport, report_path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield (instance id, line as it stands), or raise InputError at the first line that is no row of this report."""
    resolved, known = set(report["ids_resolved"]), {*report["ids_resolved"], *report["ids_unresolved"]}
    seen: dict[tuple[str, str], int] = {}
    for number, line in files.numbered_lines(path):
        where = f"{path} line {number}"
        row = _row(line, where)
        name = row["instance_id"]
        key = (name, str(row.get("traj_id")))
        if key in seen:
            raise InputError(f"{where}: {name} with this traj_id stands already in line {seen[key]}")
        seen[key] = number
        if row.get("resolved") is not None and name in known and row["resolved"] is not (name in resolved):
            raise InputError(f"{where}: {report_path} contradicts 'resolved' of {name}: it is another run's report")
        yield name, line


def _row(line: bytes, where: str) -> dict[str, Any]:
    try:
        row = files.parse_json(line.decode("utf-8"), where)
    except UnicodeDecodeError as error:
        raise InputError(f"{where}: not UTF-8 text (byte {error.start} of the line)") from None
    if not isinstance(row, dict):
        raise InputError(f"{where}: an SFT row is an object")
    records.check_instance_id(row.get("instance_id"), f"{where}: key 'instance_id'")
    if not isinstance(row.get("messages"), list) or not row["messages"]:
        raise InputError(f"{where}: the key 'messages' must be a list of messages")
    if not isinstance(row.get("resolved"), bool | None):
        raise InputError(f"{where}: the key 'resolved' must be true, false or null")
    return row
