"""What all rules share: the configuration, the wildcards, and the way from a wildcard to a file or a setting."""

import os
import sys
from pathlib import Path

ROOT = Path(workflow.basedir)
SCRIPTS = os.path.relpath(ROOT / "scripts")
sys.path.insert(0, str(ROOT / "scripts"))

from tracesmith.configuration import Configuration, find_file, modules_of, use_own_python
from tracesmith.errors import InputError

use_own_python()


wildcard_constraints:
    repo=r"[\w.-]+__[\w.-]+?",
    user=r"[\w-]+",
    run_id=r"(?:(?!\.resolved_only)[\w.-])+",
    style=r"xml|tool|ticks",
    method=r"procedural",
    mode=r"static|skip",


def refuse(error):
    """End planning with one line; an exception would bring Snakemake's traceback along."""
    sys.exit(f"error: {error}")


try:
    CONFIGURATION = Configuration(config, os.environ)
except InputError as error:
    refuse(error)


def library(script):
    """The modules of the library that a cheap rule's script imports, directly or not."""
    return [os.path.relpath(module) for module in modules_of(Path(SCRIPTS, f"{script}.py"))]


def repo_of(wildcards):
    """The repository of a job, by its wildcard repo or run_id."""
    if hasattr(wildcards, "run_id"):
        return run_of(wildcards).repo
    try:
        return CONFIGURATION.repo(wildcards.repo)
    except InputError as error:
        refuse(error)


def run_of(wildcards):
    """The run of a job."""
    try:
        return CONFIGURATION.run(wildcards.run_id)
    except InputError as error:
        refuse(error)


def repo_setting(section, key):
    """A function from wildcards to a setting of the job's repository."""
    return lambda wildcards: repo_of(wildcards).settings[section][key]


def patches_to_validate(wildcards):
    """The candidates that passed the screens of the job's repository; all of them where there are none."""
    screened = repo_setting("bug_generation", "screens")(wildcards)
    return f"logs/bug_gen/{wildcards.repo}_{'screened' if screened else 'all'}_patches.json"


def run_setting(section, key):
    """A function from wildcards to a setting of the job's run."""
    return lambda wildcards: run_of(wildcards).settings[section][key]


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


def environment_of_run(wildcards):
    """The environment that a run's tests need."""
    return f"logs/build_images/{run_of(wildcards).repo.name}/environment.json"


def dataset_of_run(wildcards):
    """The dataset of a run: the user's own, or the one that is made."""
    repo = run_of(wildcards).repo
    return own_file(repo.settings["dataset"]) or f"logs/agent_datasets/{repo.name}_final.json"


def predictions_of_run(wildcards):
    """The predictions of a run: the user's own, or those of the agent."""
    settings = run_of(wildcards).settings
    return own_file(settings["predictions"]) or f"{trajectories_of_run(wildcards)}/preds.json"


def trajectories_of_run(wildcards):
    """The trajectory folder of a run: the user's own, or the agent's."""
    settings = run_of(wildcards).settings
    if settings["predictions"] and not settings["trajectories"]:
        refuse(
            f"run {wildcards.run_id!r} has predictions and no trajectories: it can be evaluated "
            f"(logs/run_evaluation/{wildcards.run_id}/report.json), rows need the key `trajectories` as well"
        )
    return settings["trajectories"] or f"trajectories/{CONFIGURATION.user}/{wildcards.run_id}"


def expand_runs(pattern):
    """The pattern, filled in for every run that has trajectories."""
    return [
        pattern.format(run_id=run_id, style=run.settings["sft"]["style"])
        for run_id, run in CONFIGURATION.runs.items()
        if run.settings["trajectories"] or not run.settings["predictions"]
    ]


def mirror_of_run(wildcards):
    """The pushed mirror of a run's repository, where mirrors are pushed and the dataset is ours."""
    repo = run_of(wildcards).repo
    wanted = CONFIGURATION.mirror["backend"] == "github" and not repo.settings["dataset"]
    return [f"logs/mirrors/{repo.name}.json"] if wanted else []


def pushed_mirrors():
    """The pushed mirrors of all repositories that have a run."""
    if CONFIGURATION.mirror["backend"] != "github":
        return []
    repos = [run.repo for run in CONFIGURATION.runs.values()]
    return sorted({f"logs/mirrors/{repo.name}.json" for repo in repos if not repo.settings["dataset"]})


def pushed_images():
    """The pushed images of all repositories that have a run and an image."""
    if not CONFIGURATION.mirror["push_images"]:
        return []
    return [f"logs/images/{name}.json" for name in CONFIGURATION.repos_with_image()]


def owner_type_of_mirror(wildcards):
    """What the owner of the mirrors is, once there is one."""
    try:
        CONFIGURATION.check_mirror_owner()
    except InputError as error:
        refuse(error)
    return CONFIGURATION.mirror["owner_type"]


def issues_of_repo(wildcards):
    """The issue texts in the mode that the configuration asks for."""
    return f"logs/issue_gen/{wildcards.repo}__{repo_of(wildcards).settings['issues']['mode']}.json"


def making_of_dataset(wildcards):
    """The summaries of how the dataset was made; nothing for a dataset of the user's."""
    repo = run_of(wildcards).repo
    if repo.settings["dataset"]:
        return {}
    return {
        "bugs": f"logs/bug_gen/{repo.name}/procedural.json",
        "validation": f"logs/run_validation/{repo.name}/report.json",
    }


def flags_of_making(wildcards, input):
    """The flags for these summaries."""
    return [part for name in ("bugs", "validation") if name in input.keys() for part in (f"--{name}", input[name])]
