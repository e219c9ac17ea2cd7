"""
Read the files of one run, checked against each other.

Only what the report shows is kept: of the rows, which can be long, no more than a few words an instance.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracesmith import files, records, schemas, summaries
from tracesmith.errors import InputError
from tracesmith.records import Instance, Prediction, check_object
from tracesmith.reports import training, usage
from tracesmith.reports.run_files import RunFiles, read_object
from tracesmith.reports.run_rows import RESOLVED, Rows, read_rows

SPREAD = {
    "type": "object",
    "additionalProperties": {
        "type": "object",
        "required": ["found", "chosen", "entropy", "at_most"],
        "additionalProperties": {"type": "number"},
    },
}
"""What `generate_bugs` says of its choice."""
JUDGED = {
    "type": "object",
    "required": ["instances"],
    "properties": {
        "instances": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["instance_id", "verdict"],
                "properties": {"instance_id": {"type": "string"}, "verdict": {"type": "string"}},
            },
        }
    },
}
"""What a report of candidates, or of confirmed bugs, holds for each."""


@dataclass(frozen=True)
class Funnel:
    """A funnel of a summary; what came in is what went out plus what was dropped."""

    came_in: int
    out: int
    dropped: dict[str, int]


@dataclass(frozen=True)
class Inputs:
    """All that is known of a run."""

    instances: list[Instance]
    predictions: dict[str, Prediction]
    outcomes: dict[str, str]
    rows: Rows
    kept: Rows | None
    """The rows that filter_resolved kept; None when it was not run."""
    generations: list[Funnel]
    screenings: list[Funnel]
    validation: Funnel | None
    """Of all reports together."""
    judged: dict[str, str]
    """Verdict of each candidate that was validated."""
    confirmation: Funnel | None
    assembly: dict[str, int]
    """Valid instances that the dataset leaves out, by the reason."""
    environment: dict[str, Any]
    engines: list[str]
    spreads: dict[str, dict[str, dict[str, float]]]
    """How evenly each method's bugs are spread, by the name of its summary; of those that say it."""
    flags: dict[str, list[str]]
    """What the grader noticed in an instance's patch: docs/integrity.md."""
    charts: list[training.Chart]
    """Of the training; none where there was none."""
    trial: dict[str, Any] | None
    """What evaluate_model says."""
    asked: list[dict[str, Any]]
    """What models were asked, by stage and model: usage.read_calls."""
    durations: list[dict[str, Any]]
    """Of the steps: usage.read_durations."""
    makers: dict[str, dict[str, Any]]
    """What each input that says it was made by: tool, version, commit, stage, settings."""
    limit: int | None
    """Tokens that a row may have, where rows were cut to a length."""
    unmet: dict[str, dict[str, list[str]]]
    """Of each graded instance whose report stands beside that of the run: tests that still fail, and that fail now."""


def read(run_id: str, run: RunFiles) -> Inputs:
    """Return the inputs of a run. Raises InputError for a file that is missing, malformed or of another run."""
    instances = records.read_instances(run.dataset)
    ids = [instance["instance_id"] for instance in instances]
    predictions = records.read_predictions(run.predictions)
    records.check_known(predictions, ids, str(run.predictions), str(run.dataset))
    outcomes = read_outcomes(run.evaluation)
    records.check_known(outcomes, predictions, str(run.evaluation), str(run.predictions))
    rows = read_rows(run.rows, outcomes, run.evaluation, pack=True)
    reports = {path: read_object(path) for path in run.validation}
    judged = {name: said for path, report in reports.items() for name, said in read_judged(path, report).items()}
    records.check_known(rows.ids, ids, str(run.rows), str(run.dataset))
    kept = _read_kept(run, rows, outcomes)
    makers = read_makers(run.named() | run.sidecars())
    names = {run_id, *(instance["repo"].rpartition("/")[2] for instance in instances)}
    return Inputs(
        instances=instances,
        predictions=predictions,
        outcomes=outcomes,
        rows=rows,
        kept=kept,
        generations=[_read_summary(path) for path in run.bugs],
        screenings=[_read_summary(path) for path in run.screening],
        validation=_read_validation(reports, judged, ids, run.dataset) if run.validation else None,
        judged=judged,
        confirmation=_read_confirmation(run.confirmation, ids, run.dataset) if run.confirmation else None,
        assembly=_left_out(summaries.meta_path(run.dataset)),
        environment=read_object(run.environment) if run.environment else {},
        engines=sorted(rows.engines | _engine_of_predictions(summaries.meta_path(run.predictions))),
        spreads={path.stem: spread for path in run.bugs if (spread := _read_spread(path))},
        flags=read_flags(run.evaluation),
        charts=training.read_curves(run.curves) if run.curves else [],
        trial=training.read_trial(run.model_evaluation) if run.model_evaluation else None,
        asked=usage.read_calls(run.ledger, names) if run.ledger else [],
        durations=usage.read_durations(run.benchmarks, names) if run.benchmarks else [],
        makers=makers,
        limit=_limit(makers),
        unmet={name: found for name in outcomes if (found := read_unmet(run.evaluation.parent / name / "report.json"))},
    )


def read_makers(named: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
    """Return what made each of some JSON files, of those that say it. Raises InputError where that is no object."""
    found = {}
    for name, path in named.items():
        value = files.read_json(path) if path.suffix == ".json" else None
        made_by = value.get("made_by") if isinstance(value, dict) else None
        if made_by is not None:
            about = records.check_object(made_by, f"{path}: key 'made_by'")
            about["settings"] = records.check_object(about.get("settings", {}), f"{path}: key 'made_by.settings'")
            found[name] = dict.fromkeys(("tool", "version", "commit", "stage", "format_version")) | about
    return found


def _limit(makers: dict[str, dict[str, Any]]) -> int | None:
    limit = makers["resolved_meta"]["settings"].get("limit") if "resolved_meta" in makers else None
    found = limit.get("max_seq_len") if isinstance(limit, dict) else None
    return found if isinstance(found, int) else None


def read_outcomes(path: Path) -> dict[str, str]:
    """Return the outcome of each instance of an evaluation report; one of another tool says resolved or unresolved."""
    report = records.read_run_report(path)
    outcomes = dict.fromkeys(report["ids_resolved"], RESOLVED) | dict.fromkeys(report["ids_unresolved"], "unresolved")
    ours = check_object(report.get("tracesmith", {}), f"{path}: key 'tracesmith'")
    by_outcome = check_object(ours.get("ids_by_outcome", {}), f"{path}: key 'tracesmith.ids_by_outcome'")
    for outcome, ids in by_outcome.items():
        where = f"{path}: key 'tracesmith.ids_by_outcome.{outcome}'"
        for name in records.check_names(ids, where):
            if (outcomes.get(name) == RESOLVED) is not (outcome == RESOLVED) or name not in outcomes:
                raise InputError(f"{where}: {name} stands elsewhere in ids_resolved and ids_unresolved")
            outcomes[name] = outcome
    return outcomes


def read_flags(path: Path) -> dict[str, list[str]]:
    """Return the flags of each instance's patch in an evaluation report, sorted; none in one of another tool."""
    ours = check_object(records.read_run_report(path).get("tracesmith", {}), f"{path}: key 'tracesmith'")
    flags: dict[str, list[str]] = {}
    for flag, ids in sorted(check_object(ours.get("ids_by_flag", {}), f"{path}: key 'tracesmith.ids_by_flag'").items()):
        for name in records.check_names(ids, f"{path}: key 'tracesmith.ids_by_flag.{flag}'"):
            flags.setdefault(name, []).append(flag)
    return flags


def read_unmet(path: Path) -> dict[str, list[str]]:
    """Return the tests that an instance's patch left failing, and those it broke; nothing where there is no report."""
    if not path.is_file():
        return {}
    status = check_object(read_object(path).get("tests_status", {}), f"{path}: key 'tests_status'")
    where = f"{path}: key 'tests_status"
    lists = {"still_failing": "FAIL_TO_PASS", "broken": "PASS_TO_PASS"}
    groups = {name: check_object(status.get(key, {}), f"{where}.{key}'") for name, key in lists.items()}
    return {
        name: records.check_names(group.get("failure", []), f"{where}.{lists[name]}.failure'")
        for name, group in groups.items()
    }


def _read_kept(run: RunFiles, rows: Rows, outcomes: dict[str, str]) -> Rows | None:
    if run.resolved is None:
        return None
    if not run.resolved.is_file():
        raise InputError(f"{run.resolved}: no such file; leave --resolved out when filter_resolved was not run")
    kept = read_rows(run.resolved, outcomes, run.evaluation, pack=False)
    resolved = [name for name, outcome in outcomes.items() if outcome == RESOLVED]
    records.check_known(kept.ids, resolved, str(run.resolved), f"the resolved ids of {run.evaluation}")
    records.check_known(kept.ids, rows.ids, str(run.resolved), str(run.rows))
    return kept


def _engine_of_predictions(sidecar: Path) -> set[str]:
    if not sidecar.is_file():
        return set()
    made_by = check_object(read_object(sidecar).get("made_by", {}), f"{sidecar}: key 'made_by'")
    engine = check_object(made_by.get("settings", {}), f"{sidecar}: key 'made_by.settings'").get("engine")
    return {engine} if isinstance(engine, str) else set()


def _read_validation(
    reports: Mapping[Path, dict[str, Any]], judged: dict[str, str], ids: list[str], dataset: Path
) -> Funnel:
    valid = [name for name, verdict in judged.items() if verdict == "valid"]
    records.check_known(ids, valid, str(dataset), f"the valid candidates of {', '.join(map(str, reports))}")
    funnels = [read_funnel(path, report) for path, report in reports.items()]
    dropped = sum((Counter(one.dropped) for one in funnels), Counter[str]())
    return Funnel(sum(one.came_in for one in funnels), sum(one.out for one in funnels), dropped)


def _read_confirmation(path: Path, ids: list[str], dataset: Path) -> Funnel:
    summary = read_object(path)
    known = [name for name, said in read_judged(path, summary).items() if said == "confirmed"]
    records.check_known(ids, known, str(dataset), f"the confirmed bugs of {path}")
    return read_funnel(path, summary)


def read_judged(path: Path, report: dict[str, Any]) -> dict[str, str]:
    """Return the verdict of each instance in a report of validate_bugs or confirm_bugs. Raises InputError."""
    schemas.check(report, JUDGED, f"{path}: no report of validate_bugs or confirm_bugs")
    return {row["instance_id"]: row["verdict"] for row in report["instances"]}


def _read_summary(path: Path) -> Funnel:
    return read_funnel(path, read_object(path))


def _read_spread(path: Path) -> dict[str, dict[str, float]]:
    """Return how evenly a summary's bugs are spread over files, functions and operators; nothing where it has none."""
    found = read_object(path).get("spread", {})
    schemas.check(found, SPREAD, f"{path}: key 'spread'")
    return dict(found)


def _left_out(meta: Path) -> dict[str, int]:
    """Return why a dataset of ours leaves instances out; nothing for a dataset without a sidecar, or of before."""
    about = read_object(meta) if meta.is_file() else {}
    return read_funnel(meta, about).dropped if "funnel" in about else {}


def read_funnel(path: Path, summary: dict[str, Any]) -> Funnel:
    """Return the funnel of a summary, or raise InputError when it does not add up."""
    found = check_object(summary.get("funnel"), f"{path}: key 'funnel'")
    dropped = check_object(found.get("dropped"), f"{path}: key 'funnel.dropped'")
    counts = [found.get("in"), found.get("out"), *dropped.values()]
    if not all(isinstance(count, int) and not isinstance(count, bool) and count >= 0 for count in counts):
        raise InputError(f"{path}: key 'funnel': whole numbers are wanted for in, out and each reason of dropped")
    funnel = Funnel(found["in"], found["out"], dropped)
    if funnel.came_in != funnel.out + sum(dropped.values()):
        raise InputError(f"{path}: key 'funnel': in is not out plus dropped; make the file again")
    return funnel
