"""What all rules share: the configuration, the wildcards, and the way from a wildcard to a setting."""

import functools
import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(workflow.basedir)
SCRIPTS = os.path.relpath(ROOT / "scripts")
sys.path.insert(0, str(ROOT / "scripts"))

from tracesmith import models, publishing
from tracesmith.configuration import Configuration, find_file
from tracesmith.errors import InputError
from tracesmith.modules import modules_of, use_own_python

use_own_python()


wildcard_constraints:
    repo=r"[\w.-]+__[\w.-]+?",
    user=r"[\w-]+",
    run_id=r"(?:(?!\.(?:resolved_only|train|validation)\.)[\w.-])+",
    style=r"xml|tool|ticks",
    method=r"llm_modify|llm_rewrite",
    backend=r"torchtune|trl",
    side=r"base|tuned",
    shard=r"\d+",
    shards=r"\d+",
    mode=r"llm|static|tests|pr|skip",
    validated=r"report|combined_report",
    export=r"parquet|sharegpt|preferences",


def refuse(error):
    """End planning with one line; an exception would bring Snakemake's traceback along."""
    sys.exit(f"error: {error}")


def or_refuse(find, *arguments):
    """What a function of the library returns; bad input ends planning."""
    try:
        return find(*arguments)
    except InputError as error:
        refuse(error)


CONFIGURATION = or_refuse(Configuration, config, os.environ)


def library(script):
    """The modules of the library that a cheap rule's script imports, directly or not."""
    return [os.path.relpath(module) for module in modules_of(Path(SCRIPTS, f"{script}.py"))]


def shards_of(setting, job):
    """
    A function from wildcards to what the jobs of a stage leave that fill a share of its store each; nothing for one job.

    `job` is the stage's name with the wildcards that its jobs have.
    """

    def markers(wildcards):
        if hasattr(wildcards, "shard"):
            return []
        count = setting(wildcards)
        name = job.format(**dict(wildcards.items()))
        return [f"logs/shards/{name}/{number}of{count}" for number in range(1, count + 1)] if count > 1 else []

    return markers


def shard_of(wildcards):
    """The share of its stage that a job does: I/N; None for the job that puts the shares together."""
    return f"{wildcards.shard}/{wildcards.shards}" if hasattr(wildcards, "shard") else None


def of_stage(shards, amount, merging=1):
    """
    A function from wildcards to what a job of a stage takes of a resource.

    The job that puts shards together takes `merging`: what there was to do, they did.
    """

    def taken(wildcards):
        if shards(wildcards) > 1 and not hasattr(wildcards, "shard"):
            return merging
        return amount(wildcards) if callable(amount) else amount

    return taken


def repo_of(wildcards):
    """The repository of a job, by its wildcard repo or run_id."""
    if hasattr(wildcards, "run_id"):
        return run_of(wildcards).repo
    return or_refuse(CONFIGURATION.repo, wildcards.repo)


def run_of(wildcards):
    """The run of a job."""
    return or_refuse(CONFIGURATION.run, wildcards.run_id)


def learner_of(wildcards):
    """The run or the mix that rows and a training are of."""
    return or_refuse(CONFIGURATION.learner, wildcards.run_id)


def repo_setting(section, key):
    """A function from wildcards to a setting of the job's repository."""
    return lambda wildcards: repo_of(wildcards).settings[section][key]


def run_setting(section, key):
    """A function from wildcards to a setting of the job's run, or of a mix where it may have one."""
    of = learner_of if section in ("sft", "training") else run_of
    return lambda wildcards: of(wildcards).settings[section][key]


def option(flag, setting):
    """A function from wildcards to [flag, value], or to nothing where the setting is null or false."""

    def arguments(wildcards):
        value = setting(wildcards)
        if value is None or value is False:
            return []
        return [flag] if value is True else [flag, str(value)]

    return arguments


def needs_swerex(wildcards):
    """Whether the image of a repository needs swe-rex."""
    return CONFIGURATION.needs_swerex(repo_of(wildcards))


def sandboxes(wildcards, threads):
    """As many units of the resource `docker` as the job has sandboxes at once, whatever their backend."""
    return threads


def profile_of_repo(wildcards):
    """The profile's file: the user's, or the one that is detected."""
    repo = repo_of(wildcards)
    return f"logs/profiles/{repo.name}.yaml" if repo.is_detected else os.path.relpath(repo.profile_path)


def source_to_detect(wildcards):
    """The source that a profile is made for."""
    repo = repo_of(wildcards)
    if not repo.is_detected:
        refuse(
            f"{repo.name} has a profile, {repo.profile_path}; logs/profiles/ is for repositories with `profile: auto`"
        )
    return repo.source


def own_file(name):
    """A file of the user's as an absolute path, which is no rule's output, whatever its name; None for none."""
    return name and os.path.abspath(name)


def expand_runs(pattern):
    """The pattern, filled in for every run that has trajectories."""
    return [
        pattern.format(run_id=run_id, style=run.settings["sft"]["style"])
        for run_id, run in CONFIGURATION.runs.items()
        if run.settings["trajectories"] or not run.settings["predictions"]
    ]


def expand_mixes(pattern):
    """The pattern, filled in for every mix."""
    mixes = CONFIGURATION.mixes.items()
    return [pattern.format(run_id=name, style=mix.settings["sft"]["style"]) for name, mix in mixes]


def expand_repos(pattern):
    """The pattern, filled in for every repository that has a run and whose dataset is made here."""
    repos = [run.repo for run in CONFIGURATION.runs.values()]
    return sorted({pattern.format(repo=repo.name) for repo in repos if not repo.settings["dataset"]})


def mirror_of_run(wildcards):
    """The pushed mirror of a run's repository, where mirrors are pushed and the dataset is ours."""
    repo = run_of(wildcards).repo
    wanted = CONFIGURATION.mirror["backend"] == "github" and not repo.settings["dataset"]
    return [f"logs/mirrors/{repo.name}.json"] if wanted else []


def pushed_mirrors():
    """The pushed mirrors of all repositories that have a run."""
    if CONFIGURATION.mirror["backend"] != "github":
        return []
    return expand_repos("logs/mirrors/{repo}.json")


def pushed_images():
    """The pushed images of all repositories that have a run and an image."""
    if not CONFIGURATION.mirror["push_images"]:
        return []
    return [f"logs/images/{name}.json" for name in CONFIGURATION.repos_with_image()]


def owner_type_of_mirror(wildcards):
    """What the owner of the mirrors is, once there is one."""
    or_refuse(CONFIGURATION.check_mirror_owner)
    return CONFIGURATION.mirror["owner_type"]
