"""Report a repository: what became of each bug that was made for it, on the way to its dataset."""

import logging
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracesmith import records, schemas, summaries
from tracesmith.records import Candidate, Instance
from tracesmith.reports import pages, run_inputs
from tracesmith.reports.instances import TESTS_SHOWN, files_of, method_of, operator_of
from tracesmith.reports.run_files import read_object

logger = logging.getLogger(__name__)
FORMAT_VERSION = 2
STAGE = "report_repo"
# A page of 10,000 candidates still opens.
TEXT_SHOWN = 4_000
COUNTS = ("runs", "files", "broken_files", "tests", "passed", "failed", "skipped", "todo")
ENVIRONMENT = {
    "type": "object",
    "required": ["repo"],
    "properties": {
        "repo": {"type": "string"},
        "gate": {
            "type": ["object", "null"],
            "required": [*COUNTS, "flaky"],
            "properties": {
                **{key: {"type": "integer"} for key in COUNTS},
                "flaky": {"type": "array", "items": {"type": "string"}},
            },
        },
    },
}
"""Of an environment.json, what the page shows."""
SCREENED_OUT = {"type": "object", "additionalProperties": {"type": "string"}}
KEPT = "instance"
"""The fate of a candidate that is in the dataset."""
CHECKS = ("mode", "patch_overlap", "tests_named", "commands_named", "observable")
"""Of an issue text, what the page shows of the checks it passed."""


@dataclass(frozen=True)
class RepoFiles:
    """The files of how a repository's dataset was made."""

    environment: Path
    candidates: Sequence[Path]
    """Patches of single bugs and of combined ones."""
    validation: Sequence[Path]
    confirmation: Path
    dataset: Path
    bugs: Sequence[Path] = ()
    screening: Sequence[Path] = ()

    def named(self) -> dict[str, Path]:
        """Return the files by name, in the order of the stages."""
        lists = {"bugs": self.bugs, "candidates": self.candidates, "screening": self.screening}
        lists["validation"] = self.validation
        numbered = {f"{name}_{number}": path for name, paths in lists.items() for number, path in enumerate(paths, 1)}
        return {"environment": self.environment, **numbered, "confirmation": self.confirmation, "dataset": self.dataset}


def report(repo: RepoFiles, output: Path, summary_path: Path) -> None:
    """Write the page and the summary of a repository. Raises InputError for bad input, with nothing written."""
    pages.check_outputs([output, summary_path], list(repo.named().values()))
    environment = read_object(repo.environment)
    schemas.check(environment, ENVIRONMENT, str(repo.environment))
    candidates = [(row, path) for path in repo.candidates for row in records.read_candidates(path, allow_empty=True)]
    instances = {row["instance_id"]: row for row in records.read_instances(repo.dataset)}
    records.check_known(instances, [row["instance_id"] for row, _ in candidates], str(repo.dataset), "the candidates")
    judged = read_judged(repo)
    fates = read_fates(repo, judged)
    each = [_shown(row, path, judged, fates, instances) for row, path in candidates]
    summary = {
        "made_by": summaries.made_by(STAGE, FORMAT_VERSION, repo.named(), {}),
        "repo": environment.get("repo"),
        "files": {
            name: str(path) for name, path in {**repo.named(), "report": output, "summary": summary_path}.items()
        },
        "gate": environment.get("gate"),
        "stages": list(stages(repo)),
        "operators": yields(each, lambda one: [one["operator"]]),
        "methods": yields(each, lambda one: [one["method"]]),
        "files_changed": yields(each, lambda one: one["files"]),
        "candidates": [{key: one[key] for key in ("instance_id", "operator", "fate")} for one in each],
    }
    facts, known = pages.environment(environment), sorted({one["fate"] for one in each})
    page = pages.render("repo.html.j2", summary=summary, each=each, environment=facts, fates=known)
    pages.write(page, output, summary, summary_path)
    logger.info("%s: %d candidates, %d instances", summary["repo"], len(each), len(instances))


def stages(repo: RepoFiles) -> Iterator[dict[str, Any]]:
    """Yield what came into each stage, went out, and was dropped with which reason."""
    dataset = summaries.meta_path(repo.dataset)
    named = [(f"generation: {path.stem.removesuffix('.json.meta').replace('_', ' ')}", path) for path in repo.bugs]
    named += [("screens", path) for path in repo.screening]
    named += [(f"validation: {path.stem.replace('_', ' ')}", path) for path in repo.validation]
    named.append(("confirmation", repo.confirmation))
    if dataset.is_file() and "funnel" in read_object(dataset):  # a dataset may be older than its funnel
        named.append(("dataset", dataset))
    for stage, path in named:
        found = run_inputs.read_funnel(path, read_object(path))
        yield {"stage": stage, "in": found.came_in, "out": found.out, "dropped": found.dropped, "from": str(path)}


def read_fates(repo: RepoFiles, judged: dict[str, str]) -> dict[str, str]:
    """Return the reason why each candidate went no further, or `confirmed`, by the last stage that judged it."""
    fates: dict[str, str] = {}
    for path in repo.screening:
        out = read_object(path).get("screened_out", {})
        schemas.check(out, SCREENED_OUT, f"{path}: key 'screened_out'")
        fates |= out
    return fates | judged | run_inputs.read_judged(repo.confirmation, read_object(repo.confirmation))


def read_judged(repo: RepoFiles) -> dict[str, str]:
    """Return the verdict of each candidate that was validated."""
    judged: dict[str, str] = {}
    for path in repo.validation:
        judged |= run_inputs.read_judged(path, read_object(path))
    return judged


def yields(each: Sequence[dict[str, Any]], names: Callable[[dict[str, Any]], list[str]]) -> list[dict[str, Any]]:
    """Return how many candidates and instances each operator, method or file gave, most candidates first."""
    made = Counter(name for one in each for name in names(one))
    kept = Counter(name for one in each if one["fate"] == KEPT for name in names(one))
    return [
        {"name": name, "made": made[name], "instances": kept[name]}
        for name in sorted(made, key=lambda name: (-made[name], name))
    ]


def _shown(
    row: Candidate, path: Path, judged: dict[str, str], fates: dict[str, str], instances: dict[str, Instance]
) -> dict[str, Any]:
    name = row["instance_id"]
    instance = instances.get(name)
    ours = records.check_object(instance.get("tracesmith") or {}, f"{name}: key 'tracesmith'") if instance else {}
    issue = records.check_object(ours.get("issue") or {}, f"{name}: key 'tracesmith.issue'")
    failing = instance["FAIL_TO_PASS"] if instance else []
    issue_text = str(instance.get("problem_statement") or "") if instance else ""
    fate = fates.get(name, "not_needed")
    strategy = row["strategy"] or records.strategy_of(name)
    return {
        "instance_id": name,
        "operator": operator_of(strategy),
        "method": method_of(strategy),
        "files": files_of(row["patch"]),
        "validation": ["tried", judged[name]] if name in judged else [],
        "fate": KEPT if instance else "not_in_dataset" if fate in ("valid", "confirmed") else fate,
        "patch": row["patch"][:TEXT_SHOWN],
        "cut": max(0, len(row["patch"]) - TEXT_SHOWN),
        "file": str(path),
        "issue": issue_text[:TEXT_SHOWN],
        "issue_cut": max(0, len(issue_text) - TEXT_SHOWN),
        "checks": {key: issue[key] for key in CHECKS if key in issue},
        "difficulty": records.check_object(ours.get("difficulty") or {}, f"{name}: key 'tracesmith.difficulty'"),
        "failing": failing[:TESTS_SHOWN],
        "more": max(0, len(failing) - TESTS_SHOWN),
    }
