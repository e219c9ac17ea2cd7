"""Say of each repository and run of a configuration what exists, how far the rest is, and what it may cost."""

import statistics
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

from tracesmith import files, models, records
from tracesmith.configuration import Configuration, Repo, Run
from tracesmith.llm.ledger import ALL, Ledger
from tracesmith.reports.run_files import read_object

LEDGER = Path("logs/llm/ledger.jsonl")
MISSING = "-"


def lines(read: Configuration, folder: Path) -> Iterator[str]:
    """Yield the lines of a folder of the workflow. Raises InputError for a file that is malformed."""
    for repo in {run.repo.name: run.repo for run in read.runs.values()}.values():
        yield f"repository {repo.name}"
        yield from _aligned(_repo(repo, folder))
    for run_id, run in read.runs.items():
        yield f"run {run_id}"
        yield from _aligned(_run(run_id, run, read.user, folder))
    ledger = Ledger(folder / LEDGER)
    ledger.refresh()
    if ledger.spent:
        yield f"spent on models: {ledger.spent[ALL]:.2f} USD in {len(ledger.calls)} calls ({LEDGER})"
    yield "next: snakemake --cores all, with your --configfile; -n before it says which jobs that would be"


def results(read: Configuration, run_ids: Collection[str], folder: Path) -> Iterator[str]:
    """Yield a table of what some runs came to: instances, resolved, rows, USD of the agents, where the report is."""
    ledger = Ledger(folder / LEDGER)
    ledger.refresh()
    table: list[tuple[str, ...]] = [("run", "instances", "resolved", "rows", "agents, USD", "report")]
    for run_id in sorted(run_ids):
        run = read.run(run_id)
        style = run.settings["sft"]["style"]
        states = [
            _row("", _dataset(run.repo), folder, _instances_of)[1],
            _row("", f"logs/run_evaluation/{run_id}/report.json", folder, _resolved)[1],
            _row("", f"trajectories_sft/{run_id}.resolved_only.{style}.jsonl", folder, _count)[1],
            f"{ledger.spent.get(f'run_agent/{run_id}', 0.0):.2f}",
        ]
        page = Path(f"reports/{run_id}.html")
        table.append((run_id, *states, str(page) if (folder / page).is_file() else f"- (snakemake --cores all {page})"))
    wide = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        yield "  ".join(f"{cell:{width}}" for cell, width in zip(line, wide, strict=True)).rstrip()


def _repo(repo: Repo, folder: Path) -> Iterator[tuple[str, str, str]]:
    name = repo.name
    yield _row("environment", f"logs/build_images/{name}/environment.json", folder, _there)
    yield _row("candidates", f"logs/bug_gen/{name}_all_patches.json", folder, _length)
    report = f"logs/run_validation/{name}/report.json"
    tried = _entries(folder / report)
    yield _row("valid bugs", report, folder, _funnel, f"{tried} candidates tried so far" if tried else MISSING)
    yield _row("confirmed bugs", f"logs/run_validation/{name}/confirmation.json", folder, _funnel)
    yield _row("instances", _dataset(repo), folder, _instances_of)


def _run(run_id: str, run: Run, user: str, folder: Path) -> Iterator[tuple[str, str, str]]:
    style = run.settings["sft"]["style"]
    preds = f"trajectories/{user}/{run_id}/preds.json"
    done, wanted = _entries(folder / preds), _instances(run, folder)
    so_far = f"{done} of {'?' if wanted is None else wanted}{_forecast(run, done, wanted, folder / preds)}"
    yield _row("trajectories", preds, folder, _length, so_far)
    report = f"logs/run_evaluation/{run_id}/report.json"
    graded = _entries(folder / report)
    yield _row("resolved", report, folder, _resolved, f"{graded} graded so far" if graded else MISSING)
    yield _row("rows", f"trajectories_sft/{run_id}.{style}.jsonl", folder, _count)
    yield _row("resolved rows", f"trajectories_sft/{run_id}.resolved_only.{style}.jsonl", folder, _count)
    yield _row("report", f"reports/{run_id}.html", folder, _there)
    yield _row("trained model", f"outputs/{run_id}/manifest.json", folder, _there, "-, only when asked for")


def _row(
    name: str, path: str, folder: Path, say: Callable[[Path], str], otherwise: str = MISSING
) -> tuple[str, str, str]:
    """Return what a line says: of a file that is there, or otherwise."""
    return name, say(folder / path) if (folder / path).is_file() else otherwise, path


def _aligned(rows: Iterator[tuple[str, str, str]]) -> Iterator[str]:
    found = list(rows)
    wide = max(len(state) for _, state, _ in found)
    return (f"  {name:14}  {state:{wide}}  {path}" for name, state, path in found)


def _dataset(repo: Repo) -> str:
    return repo.settings["dataset"] or f"logs/agent_datasets/{repo.name}_final.json"


def _instances(run: Run, folder: Path) -> int | None:
    """Return how many instances a run is over, None before there are some."""
    path = folder / _dataset(run.repo)
    return int(_instances_of(path)) if path.is_file() else None


def _instances_of(path: Path) -> str:
    return str(len(records.read_instances(path)))


def _entries(beside: Path) -> int:
    """Return how many finished entries the store beside a summary has."""
    return sum(1 for path in beside.parent.glob("*/") if not path.name.startswith("."))


def _forecast(run: Run, done: int, wanted: int | None, preds: Path) -> str:
    """Return what the missing trajectories would cost as those so far did; nothing where no model is asked."""
    if run.settings["agent"]["engine"] not in models.ASKING or not wanted or done >= wanted:
        return ""
    costs = [cost for path in preds.parent.glob("*/*.traj*") if (cost := _cost(path)) is not None]
    if not costs:
        return "; what one costs is not known yet"
    mean = statistics.mean(costs)
    return f"; at {mean:.3f} USD each so far, the other {wanted - done} take about {mean * (wanted - done):.2f} USD"


def _cost(path: Path) -> float | None:
    info = read_object(path).get("info")
    stats = info.get("model_stats") if isinstance(info, dict) else None
    cost = stats.get("instance_cost") if isinstance(stats, dict) else None
    return float(cost) if isinstance(cost, int | float) else None


def _there(_: Path) -> str:
    return "there"


def _length(path: Path) -> str:
    value = files.read_json(path)
    return str(len(value)) if isinstance(value, dict | list) else "there"


def _funnel(path: Path) -> str:
    value: Any = read_object(path).get("funnel")
    found = records.check_object(value, f"{path}: key 'funnel'")
    return f"{found.get('out')} of {found.get('in')}"


def _resolved(path: Path) -> str:
    report = records.read_run_report(path)
    resolved = len(report["ids_resolved"])
    return f"{resolved} of {resolved + len(report['ids_unresolved'])}"


def _count(path: Path) -> str:
    return str(sum(1 for _ in files.numbered_lines(path)))
