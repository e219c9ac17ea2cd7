"""
Keep the SFT rows that a model learns from, one row in memory at a time.

Files of several runs are merged by instance id. A row that nothing changes is written byte for byte as it stands.
"""

import heapq
import logging
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tracesmith import files, records, summaries
from tracesmith.errors import InputError
from tracesmith.records import RunReport
from tracesmith.sft import origins, rowfiles
from tracesmith.sft.filters import Filters, Sieve
from tracesmith.sft.lengths import Fitter, Limit, TooLongError

logger = logging.getLogger(__name__)
FORMAT_VERSION = 2


class EmptySelectionError(InputError):
    """No line of the files may be learned from."""


@dataclass
class Ledger:
    """What became of each row."""

    funnel: summaries.Funnel = field(default_factory=summaries.Funnel)
    dropped: list[dict[str, str]] = field(default_factory=list)
    """Rows that a filter other than the verdict left out."""
    without_row: set[str] = field(default_factory=set)
    written: int = 0

    def drop(self, row: dict[str, Any], reason: str) -> None:
        """List a row that a filter left out."""
        dropped = {"instance_id": row["instance_id"], "reason": reason, "traj_id": str(row.get("traj_id"))}
        self.dropped.append(dropped)


@dataclass(frozen=True)
class Wanted:
    """What is to become of the rows."""

    filters: Filters = field(default_factory=Filters)
    limit: Limit | None = None
    datasets: Sequence[Path] = ()
    """Those of the runs."""


def filter_resolved(lines: Sequence[Path], reports: Sequence[Path], output: Path, wanted: Wanted | None = None) -> int:
    """Stream the chosen rows to the output, write its sidecar and return how many lines are written."""
    wanted = wanted or Wanted()
    verdicts = _verdicts(lines, reports)
    resolved = {name for report in verdicts for name in report["ids_resolved"]}
    if wanted.filters.resolved and not resolved:
        raise EmptySelectionError(f"{reports[0]}: no instance was resolved, so there is nothing to train on")
    known = {name: origin for path in wanted.datasets for name, origin in origins.read(path).items()}
    sieve, fitter = Sieve(wanted.filters, known or None), Fitter(wanted.limit) if wanted.limit else None
    ledger = Ledger(without_row=resolved)
    made_by = _made_by(lines, reports, wanted)
    with files.atomic_writer(output) as out:
        for row, line in _chosen(lines, reports, verdicts, sieve, ledger):
            changed = sieve.changed(row)
            for fitted in _fitted(fitter, changed, ledger):
                out.write(line if fitted == row else rowfiles.line_of(fitted))
                ledger.written += 1
        if not ledger.written:
            dropped = ", ".join(f"{count} {reason}" for reason, count in sorted(ledger.funnel.dropped.items()))
            raise EmptySelectionError(f"{lines[0]}: no instance that may be learned from has a line in it: {dropped}")
    sidecar = {
        "made_by": made_by,
        "funnel": ledger.funnel.as_json(),
        "dropped": ledger.dropped,
        "lines": ledger.written,
        "resolved_without_row": len(ledger.without_row),
    }
    files.write_json(summaries.meta_path(output), sidecar)
    without = len(ledger.without_row)
    logger.info("kept %d rows as %d lines; %d resolved ids have none", ledger.funnel.kept, ledger.written, without)
    return ledger.written


def _verdicts(lines: Sequence[Path], reports: Sequence[Path]) -> list[RunReport]:
    for path in lines:
        if not path.exists():
            raise InputError(f"{path}: no such file; convert_trajectories.py writes it")
    if len(lines) != len(reports):
        raise InputError(f"{len(lines)} files of rows and {len(reports)} reports: give one report for each, in order")
    return [records.read_run_report(path) for path in reports]


def _made_by(lines: Sequence[Path], reports: Sequence[Path], wanted: Wanted) -> dict[str, Any]:
    inputs = _numbered("lines", lines) | _numbered("report", reports) | _numbered("dataset", wanted.datasets)
    about: dict[str, Any] = {"filters": asdict(wanted.filters)}
    if wanted.filters.benchmarks:
        inputs["benchmarks"] = wanted.filters.benchmarks
        about["filters"]["benchmarks"] = True
    if wanted.limit:
        inputs["tokenizer"] = wanted.limit.tokenizer / "tokenizer.json"
        about["limit"] = asdict(wanted.limit) | {"tokenizer": True}
    return summaries.made_by("filter_resolved", FORMAT_VERSION, inputs, about)


def _numbered(name: str, paths: Sequence[Path]) -> dict[str, Path]:
    return {name if number == 1 else f"{name}_{number}": path for number, path in enumerate(paths, start=1)}


def _chosen(
    lines: Sequence[Path], reports: Sequence[Path], verdicts: Sequence[RunReport], sieve: Sieve, ledger: Ledger
) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Yield (row, line as it stands) of the rows that no filter leaves out, sorted, and enter each into the ledger."""
    streams = [
        _with_verdict(path, report, verdict) for path, report, verdict in zip(lines, reports, verdicts, strict=True)
    ]
    for _, row, line, resolved in heapq.merge(*streams, key=lambda one: one[0]):
        reason = "not_in_report" if resolved is None else None if resolved else "unresolved"
        if reason is None or (reason == "unresolved" and not sieve.filters.resolved):
            reason = sieve.reason_against(row)
            if reason:
                ledger.drop(row, reason)
        if resolved:
            ledger.without_row.discard(row["instance_id"])
        if reason:
            ledger.funnel.drop(reason)
        else:
            yield row, line


def _with_verdict(
    path: Path, report: Path, verdict: RunReport
) -> Iterator[tuple[tuple[str, str], dict[str, Any], bytes, bool | None]]:
    known = dict.fromkeys(verdict["ids_resolved"], True) | dict.fromkeys(verdict["ids_unresolved"], False)
    for row, line in _checked_lines(path, verdict, report):
        yield (row["instance_id"], str(row.get("traj_id"))), row, line, known.get(row["instance_id"])


def _fitted(fitter: Fitter | None, row: dict[str, Any], ledger: Ledger) -> list[dict[str, Any]]:
    """Return the row or its parts, nothing where it is too long, and enter it into the ledger."""
    try:
        found = fitter.fitted(row, "rows") if fitter else [row]
    except TooLongError as error:
        ledger.funnel.drop(str(error))
        ledger.drop(row, str(error))
        return []
    ledger.funnel.keep()
    return found


def _checked_lines(path: Path, report: RunReport, report_path: Path) -> Iterator[tuple[dict[str, Any], bytes]]:
    """Yield (row, line as it stands), or raise InputError at the first line that is no row of this report."""
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
        yield row, line


def _row(line: bytes, where: str) -> dict[str, Any]:
    row = rowfiles.parse(line, where)
    records.check_instance_id(row.get("instance_id"), f"{where}: key 'instance_id'")
    if not isinstance(row.get("messages"), list) or not row["messages"]:
        raise InputError(f"{where}: the key 'messages' must be a list of messages")
    if not isinstance(row.get("resolved"), bool | None):
        raise InputError(f"{where}: the key 'resolved' must be true, false or null")
    return row
