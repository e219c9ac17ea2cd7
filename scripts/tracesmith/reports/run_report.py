"""
Report a run: a summary in JSON and a page in HTML that follow every candidate to a row or the reason why not.

The page is one file that needs no network, and everything in it that a repository, a model or a test wrote is text.
Both are the same bytes for the same inputs, paths and commit, but for the times and the money of the run.
"""

import logging
import os
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypedDict

from tracesmith import records, summaries
from tracesmith.errors import InputError
from tracesmith.records import Instance
from tracesmith.reports import figures, instances, numbers, pages, run_inputs
from tracesmith.reports.figures import Figure
from tracesmith.reports.run_files import RunFiles
from tracesmith.reports.run_inputs import Funnel, Inputs
from tracesmith.reports.run_rows import RESOLVED

logger = logging.getLogger(__name__)
FORMAT_VERSION = 2
STAGE = "report_run"
RUN_ID = re.compile(r"[\w.-]+", re.ASCII)
SCRIPTED = ("oracle", "null")

Step = TypedDict(
    "Step", {"step": str, "count": int | None, "dropped": dict[str, int], "from": str | None, "note": str | None}
)


def report(run_id: str, run: RunFiles, output: Path, summary_path: Path, figures_folder: Path | None = None) -> None:
    """
    Write the figures, where wanted, the page and the summary of a run.

    Raises InputError for bad input, with nothing written.
    """
    if not RUN_ID.fullmatch(run_id):
        raise InputError(f"{run_id!r} is no run id: use letters, digits, '_', '-' and '.' only")
    pages.check_outputs([output, summary_path], [*run.named().values(), *run.sidecars().values()])
    inputs = run_inputs.read(run_id, run)
    made_by = summaries.made_by(STAGE, FORMAT_VERSION, run.named() | run.sidecars(), {"run_id": run_id})
    paths = {**run.named(), "report": output, "summary": summary_path}
    steps = funnel(inputs, run)
    verdicts = [verdict(instance, inputs) for instance in inputs.instances]  # refuses what the figures would trip over
    summary = {
        "made_by": made_by,
        "run_id": run_id,
        "engines": inputs.engines,
        "models": sorted(inputs.rows.models),
        "files": {name: str(path) for name, path in paths.items()},
        "funnel": steps,
        "spread": inputs.spreads,
        "operators": numbers.by_strategy(inputs, instances.operator_of),
        "methods": numbers.by_strategy(inputs, instances.method_of),
        "files_changed": numbers.by_file(inputs),
        "difficulty": numbers.by_difficulty(inputs),
        "agents": numbers.of_agents(inputs),
        "calls": inputs.asked,
        "durations": inputs.durations,
        "flags": numbers.by_flag(inputs),
        "verdicts": verdicts,
        **_training(inputs),
    }
    drawn = figures.draw(summary, numbers.tokens_of(inputs), inputs.charts)
    repository = os.path.relpath(run.repository, output.parent) if run.repository else None
    page = render(summary, inputs, drawn, repository)
    if figures_folder:
        figures.write(drawn, figures_folder)
    pages.write(page, output, summary, summary_path)
    logger.info("%s: %d instances, %s", run_id, len(inputs.instances), _counts(steps))


def funnel(inputs: Inputs, run: RunFiles) -> list[Step]:
    """Return the five steps; what a step dropped is what the step before it had and it has not."""
    return [
        _candidates(inputs, run),
        _valid_instances(inputs, run),
        _trajectories(inputs, run),
        _resolved(inputs, run),
        _rows(inputs, run),
    ]


def verdict(instance: Instance, inputs: Inputs) -> dict[str, Any]:
    """Return what became of one instance."""
    name = instance["instance_id"]
    where = f"{name}: key 'tracesmith'"
    ours = instance.get("tracesmith") or {}
    if not isinstance(ours, dict) or not isinstance(ours.get("strategy"), str | None):
        raise InputError(f"{where}: an object with the text 'strategy' is wanted")
    outcome = outcome_of(name, inputs)
    statuses = inputs.rows.exit_statuses.get(name)
    return {
        "instance_id": name,
        "strategy": ours.get("strategy"),
        "hidden_tests": records.check_names(ours.get("hidden_tests", []), f"{where}.hidden_tests"),
        "fail_to_pass": len(instance["FAIL_TO_PASS"]),
        "pass_to_pass": len(instance["PASS_TO_PASS"]),
        "outcome": outcome,
        "flags": inputs.flags.get(name, []),
        **({"exit_status": statuses[0]} if statuses else {}),
        "row": has_row(name, inputs),
        "why_not": None if has_row(name, inputs) else _why_no_row(name, outcome, inputs),
    }


def outcome_of(name: str, inputs: Inputs) -> str:
    """Return the outcome of an instance: its grade, or at which step it got none."""
    return inputs.outcomes.get(name) or ("not_evaluated" if name in inputs.predictions else "no_prediction")


def has_row(name: str, inputs: Inputs) -> bool:
    """Say whether an instance has a row that can be trained on."""
    return name in inputs.kept.ids if inputs.kept else inputs.rows.ids.get(name, False)


def render(summary: dict[str, Any], inputs: Inputs, drawn: list[Figure], repository: str | None) -> str:
    """Return the page; it leads to that of the repository, where there is one."""
    each = [instances.shown(*pair, inputs) for pair in zip(inputs.instances, summary["verdicts"], strict=True)]
    return pages.render(
        "run.html.j2",
        summary=summary,
        instances=each,
        repos=sorted({instance["repo"] for instance in inputs.instances}),
        environment=pages.environment(inputs.environment),
        scripted=[engine for engine in inputs.engines if engine in SCRIPTED],
        outcomes=sorted({row["outcome"] for row in summary["verdicts"]}),
        figures={figure.name: figure for figure in drawn},
        charts=inputs.charts,
        makers=inputs.makers,
        trial=inputs.trial,
        repository=repository,
        told_there={*inputs.judged.values(), *(why for one in _later(inputs) for why in one.dropped), "not_in_dataset"},
    )


def _later(inputs: Inputs) -> list[Funnel]:
    """Return the funnels of what has names: candidates, of which the repository's page tells each."""
    return [one for one in (*inputs.screenings, inputs.validation, inputs.confirmation) if one]


def _training(inputs: Inputs) -> dict[str, Any]:
    """Return what a summary says of a training and of the trial of its model; nothing where there was none."""
    numbers = ("steps", "first", "last", "lowest", "highest")
    curves = {chart.name: {key: getattr(chart, key) for key in numbers} for chart in inputs.charts}
    sides = ("checkpoint", "instances", "models", "gained", "lost")
    found = {"training": curves, "model_evaluation": inputs.trial and {key: inputs.trial.get(key) for key in sides}}
    return {name: value for name, value in found.items() if value}


def _candidates(inputs: Inputs, run: RunFiles) -> Step:
    dropped: Counter[str] = Counter()
    for made in inputs.generations:
        dropped.update(made.dropped)
    made_in_all = sum(made.out for made in inputs.generations)
    for screening in inputs.screenings:
        dropped.update(screening.dropped)
    made_in_all -= sum(screening.came_in - screening.out for screening in inputs.screenings)
    if inputs.validation is None:
        source = _paths(run.bugs)
        note = "not validated here" if run.bugs else "the run enters with a dataset that exists: nothing is known"
        return _step("candidates", made_in_all if run.bugs else None, dropped, source, note)
    count = inputs.validation.came_in
    if not run.bugs:
        return _step("candidates", count, {}, _paths(run.validation), "no summary of the generation is given")
    dropped["not_collected"] += max(0, made_in_all - count)
    others = f"{count - made_in_all} of them come from elsewhere than the summaries of the generation"
    return _step("candidates", count, dropped, _paths(run.validation), others if made_in_all < count else None)


def _paths(paths: Sequence[Path]) -> str | None:
    return ", ".join(map(str, paths)) or None


def _valid_instances(inputs: Inputs, run: RunFiles) -> Step:
    count = len(inputs.instances)
    if inputs.validation is None:
        note = "no report of the validation is given: what it dropped is not known"
        return _step("valid_instances", count, {}, run.dataset, note)
    dropped = Counter(inputs.validation.dropped)
    later = Counter(inputs.assembly)
    later.update(inputs.confirmation.dropped if inputs.confirmation else {})
    dropped.update(later)
    dropped["not_in_dataset"] += inputs.validation.out - count - later.total()
    return _step("valid_instances", count, dropped, run.dataset)


def _trajectories(inputs: Inputs, run: RunFiles) -> Step:
    dropped = {"no_prediction": len(inputs.instances) - len(inputs.predictions)}
    return _step("trajectories", len(inputs.predictions), dropped, run.predictions)


def _resolved(inputs: Inputs, run: RunFiles) -> Step:
    dropped = Counter(outcome_of(name, inputs) for name in inputs.predictions)
    count = dropped.pop(RESOLVED, 0)
    return _step("resolved", count, dropped, run.evaluation)


def _rows(inputs: Inputs, run: RunFiles) -> Step:
    resolved = [name for name in inputs.predictions if outcome_of(name, inputs) == RESOLVED]
    dropped = Counter(_why_no_row(name, RESOLVED, inputs) for name in resolved if not has_row(name, inputs))
    count = inputs.kept.count if inputs.kept else inputs.rows.resolved
    instances = len(resolved) - dropped.total()
    notes = [] if inputs.kept else ["filter_resolved was not run: these are the rows whose 'resolved' is true"]
    notes += [f"rows of {instances} instances"] if instances != count else []
    return _step("rows", count, dropped, run.resolved or run.rows, "; ".join(notes) or None)


def _why_no_row(name: str, outcome: str, inputs: Inputs) -> str:
    if outcome != RESOLVED:
        return outcome
    if name not in inputs.rows.ids:
        return inputs.rows.dropped.get(name, "no_row")
    return inputs.kept.dropped.get(name, "filtered_out") if inputs.kept else "resolved_not_recorded"


def _step(
    step: str, count: int | None, dropped: dict[str, int], source: Path | str | None, note: str | None = None
) -> Step:
    ordered = sorted((item for item in dropped.items() if item[1]), key=lambda item: (-item[1], item[0]))
    return {
        "step": step,
        "count": count,
        "dropped": dict(ordered),
        "from": str(source) if source else None,
        "note": note,
    }


def _counts(steps: list[Step]) -> str:
    return ", ".join(f"{step['step']} {'-' if step['count'] is None else step['count']}" for step in steps)
