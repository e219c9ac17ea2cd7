"""
Write the issue text of each instance, in one of five ways, and judge every text.

`llm` asks a model, `tests` asks it for a script that shows the bug and runs it, `static` fills templates, `pr` takes
the text that is stored with the instance, `skip` writes none and the dataset says so.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tracesmith import files, pool, prepared, progress, records, summaries, workspaces
from tracesmith.errors import InputError
from tracesmith.issues import asking, checks, demonstrations, evidence, reproducing, static, verdicts
from tracesmith.issues.asking import Writer
from tracesmith.issues.checks import Judgement
from tracesmith.issues.evidence import Evidence
from tracesmith.issues.reproducing import Reproducer
from tracesmith.issues.verdicts import Issue
from tracesmith.llm.client import Client
from tracesmith.llm.settings import Settings
from tracesmith.pool import Share
from tracesmith.prepared import Environment
from tracesmith.records import Instance

logger = logging.getLogger(__name__)
FORMAT_VERSION = 2
MODES = ("llm", "static", "tests", "pr", "skip")
NEEDS = {
    "llm": ("validation", "environment", "prompt", "demonstrations"),
    "tests": ("validation", "environment", "prompt"),
}
"""The files that a mode reads besides the instances."""
MakeSettings = Callable[[str, str | None], Settings]
"""Gives the client's settings for a stage, and for the model that a prompt file wants."""


@dataclass(frozen=True)
class Plan:
    """How the texts are written; a file that is not given is None."""

    mode: str
    seed: int
    share: Share
    """Its workers are sandboxes at once; only a mode with a model has shards."""
    validation: Path | None = None
    """Folder of validate_bugs for the repository, with the output of each instance's failing run."""
    environment: Path | None = None
    prompt: Path | None = None
    demonstrations: Path | None = None


@dataclass(frozen=True)
class Model:
    """What the instances of a mode with a model share."""

    writer: Writer
    evidence: Evidence
    reproducer: Reproducer | None

    def write(self, instance: Instance) -> Issue:
        """Return the text of an instance."""
        judge: Callable[[str], Judgement] = partial(checks.judge, instance=instance, mode="llm")
        if self.reproducer:
            judge = partial(self.reproducer.judge, instance=instance)
        issue = self.writer.write(instance, self.evidence.variables(instance), judge)
        return verdicts.with_score(issue, tests_without_source=self.evidence.missing(instance))

    def stop(self) -> None:
        """End what is under way."""
        self.writer.client.stop()
        if self.reproducer:
            self.reproducer.backend.stop()


def write(instances_path: Path, plan: Plan, make_settings: MakeSettings, output: Path) -> None:
    """
    Write `logs/issue_gen/<repo>__<mode>.json`: the texts in the order of the instances, and those that were refused.

    A shard only does its part of the instances: answers, and what came of scripts, are then there for whoever does all.

    Raises InputError for bad input before anything is asked, and when no text is left; IncompleteError when a cap is
    reached or some instances have no verdict: the same command goes on from there.
    """
    for name in NEEDS.get(plan.mode, ()):
        if getattr(plan, name) is None:
            raise InputError(f"mode {plan.mode} needs --{name}")
    if plan.mode == "tests" and plan.share.workers < 1:
        raise InputError("mode tests runs scripts in sandboxes: --workers 1 at least is wanted")
    if plan.mode not in NEEDS and not plan.share.is_whole():
        raise InputError(f"mode {plan.mode} asks no model: without --shard it is done at once")
    instances = records.read_instances(instances_path)
    inputs = {"instances": instances_path}
    settings: dict[str, Any] = {"mode": plan.mode, "seed": plan.seed}
    if plan.mode in NEEDS:
        model = _model(instances, plan, make_settings, output)
        files_of_plan = {name: getattr(plan, name) for name in ("environment", "prompt", "demonstrations")}
        inputs |= {name: path for name, path in files_of_plan.items() if path}
        settings["model"] = model.writer.client.settings.model
        issues = list(_asked(model, plan.share.of(instances)))
    else:
        issues = [_plain(instance, plan.mode, plan.seed) for instance in instances]
    if plan.share.is_whole():
        made_by = summaries.made_by("write_issues", FORMAT_VERSION, inputs, settings)
        files.write_json(output, {"made_by": made_by, "mode": plan.mode, **_summary(instances, issues, instances_path)})


def _plain(instance: Instance, mode: str, seed: int) -> Issue:
    """Return the text of an instance that no model writes."""
    if mode == "skip":
        return Issue("")
    if mode == "static":
        return static.write(instance, seed)
    pull = instance.get("tracesmith", {}).get("pull")
    text = pull.get("problem_statement") if isinstance(pull, dict) else None
    if not isinstance(text, str) or not text.strip():
        return Issue("", "no_stored_text")
    return verdicts.judged(text, instance, mode)


def _model(instances: list[Instance], plan: Plan, make_settings: MakeSettings, output: Path) -> Model:
    """Return what asks the model, after all that is wrong with the input would have been said."""
    path, prompt_path, validation = plan.environment, plan.prompt, plan.validation
    assert path and prompt_path and validation  # noqa: S101 - NEEDS has been looked at
    environment = prepared.read(path)
    _check(instances, environment, path)
    if plan.mode == "tests":
        reproducing.check(path, environment)
        workspaces.check(instances, path.parent, environment)
    prompt = asking.read_prompt(prompt_path, evidence.known_variables(instances))
    shown = demonstrations.read(plan.demonstrations) if plan.demonstrations else []
    found = Evidence(validation, path.parent / environment.source, shown, asking.max_tokens(prompt))
    for instance in instances:
        asking.first_request(prompt, plan.seed, instance, found.variables(instance))
    repo = instances[0]["instance_id"].rsplit(".", 1)[0]
    stage = f"write_issues/{repo}"
    client_settings = make_settings(stage, prompt.values.get("model"))
    kept = output.parent / repo
    writer = Writer(Client(client_settings), prompt, stage, plan.seed, kept)
    if plan.mode != "tests":
        return Model(writer, found, None)
    return Model(writer, found, reproducing.open_for(path, environment, plan.share.workers, kept / "scripts"))


def _check(instances: Sequence[Instance], environment: Environment, path: Path) -> None:
    for instance in instances:
        if instance["repo"].rsplit("/", 1)[-1] != environment.repo:
            name, repo = instance["instance_id"], instance["repo"]
            raise InputError(f"{name}: is of {repo}, the environment {path} is of {environment.repo}")


def _asked(model: Model, instances: Sequence[Instance]) -> Iterator[Issue]:
    """Yield the texts in the order of the instances. Raises IncompleteError when some have no verdict."""
    client = model.writer.client
    failed = 0
    written = pool.each(instances, model.write, client.settings.workers, model.stop)
    for issue in progress.shown(written, len(instances), "issues", client.tally):
        failed += issue is None
        if issue is not None:
            yield issue
    pool.check_complete(failed, len(instances), "instances")


def _summary(instances: Sequence[Instance], issues: Sequence[Issue], path: Path) -> dict[str, Any]:
    funnel = summaries.Funnel()
    kept, rejected = [], []
    for instance, issue in zip(instances, issues, strict=True):
        name = instance["instance_id"]
        if issue.reason is None:
            funnel.keep()
            kept.append({"instance_id": name, "problem_statement": issue.text, "checks": issue.scores})
        else:
            funnel.drop(issue.reason)
            rejected.append({"instance_id": name, "reason": issue.reason, "checks": issue.scores})
    logger.info("%d of %d instances have a text, refused: %s", len(kept), len(instances), dict(funnel.dropped))
    if not kept:
        reasons = ", ".join(f"{reason} {count}" for reason, count in funnel.as_json()["dropped"].items())
        raise InputError(f"{path}: no text is left of {len(instances)}: {reasons}")
    return {"funnel": funnel.as_json(), "issues": kept, "rejected": rejected}
