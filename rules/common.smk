"""What all rules share: the configuration, the wildcards, and the way from a wildcard to a file or a setting."""

import os
import re
import sys
from pathlib import Path
from types import SimpleNamespace

ROOT = Path(workflow.basedir)
SCRIPTS = os.path.relpath(ROOT / "scripts")
sys.path.insert(0, str(ROOT / "scripts"))

from tracesmith import models
from tracesmith.configuration import Configuration, find_file
from tracesmith.errors import InputError
from tracesmith.modules import modules_of

# `python` in a rule is the one that runs Snakemake, unless a conda environment comes before it.
os.environ["PATH"] = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])


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


try:
    CONFIGURATION = Configuration(config, os.environ)
except InputError as error:
    refuse(error)


def library(script):
    """The modules of the library that a cheap rule's script imports, directly or not."""
    return [os.path.relpath(module) for module in modules_of(Path(SCRIPTS, f"{script}.py"))]


def shards_of(section, job):
    """
    A function from wildcards to what the jobs of a stage leave that fill a share of its store each; nothing for one job.

    `job` is the stage's name with the wildcards that its jobs have.
    """

    def markers(wildcards):
        if hasattr(wildcards, "shard"):
            return []
        setting = run_setting if hasattr(wildcards, "run_id") else repo_setting
        count = setting(section, "shards")(wildcards)
        name = job.format(**dict(wildcards.items()))
        return [f"logs/shards/{name}/{number}of{count}" for number in range(1, count + 1)] if count > 1 else []

    return markers


def shard_of(wildcards):
    """The share of its stage that a job does: I/N; None for the job that puts the shares together."""
    return f"{wildcards.shard}/{wildcards.shards}" if hasattr(wildcards, "shard") else None


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


def learner_of(wildcards):
    """The run or the mix that rows and a training are of."""
    try:
        return CONFIGURATION.learner(wildcards.run_id)
    except InputError as error:
        refuse(error)


def parts_of(wildcards):
    """The runs whose rows are filtered together, as wildcards: one, or those of a mix."""
    names = getattr(learner_of(wildcards), "runs", [wildcards.run_id])
    return [SimpleNamespace(run_id=name) for name in names]


def of_parts(name):
    """A function from wildcards to a file of each of these runs, by a pattern or a function; no file twice."""

    def files(wildcards):
        style = getattr(wildcards, "style", None)
        made = (
            name(part) if callable(name) else name.format(run_id=part.run_id, style=style)
            for part in parts_of(wildcards)
        )
        return list(dict.fromkeys(made))

    return files


def repo_setting(section, key):
    """A function from wildcards to a setting of the job's repository."""
    return lambda wildcards: repo_of(wildcards).settings[section][key]


def single_patches(repo):
    """The candidates with one bug that passed the screens of a repository; all of them where there are none."""
    screened = repo.settings["bug_generation"]["screens"]
    return f"logs/bug_gen/{repo.name}_{'screened' if screened else 'all'}_patches.json"


def patches_to_validate(wildcards):
    """The candidates that a report is of: those with one bug, or the combined ones."""
    if wildcards.validated == "combined_report":
        return f"logs/bug_gen/{wildcards.repo}_combined_patches.json"
    return single_patches(repo_of(wildcards))


def has_combined(repo):
    """Whether valid bugs of a repository are combined."""
    return bool(repo.settings["bug_generation"]["combine"]["strategies"])


def validated_patches(wildcards):
    """All candidates of a repository that are validated, single ones first."""
    repo = repo_of(wildcards)
    combined = [f"logs/bug_gen/{repo.name}_combined_patches.json"] if has_combined(repo) else []
    return [single_patches(repo), *combined]


def validation_reports(wildcards):
    """The reports of these candidates, in the same order."""
    repo = repo_of(wildcards)
    names = ["report", *(["combined_report"] if has_combined(repo) else [])]
    return [f"logs/run_validation/{repo.name}/{name}.json" for name in names]


def summaries_of_bugs(wildcards):
    """The summaries of the methods by which a repository's bugs are made."""
    repo = repo_of(wildcards)
    return [f"logs/bug_gen/{repo.name}/{method}.json" for method in models.bug_methods(repo.settings)]


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


def may_be_empty(wildcards):
    """The flag by which one of several methods may make no bug."""
    return ["--allow-empty"] if len(models.bug_methods(repo_of(wildcards).settings)) > 1 else []


def prompt_of_bugs(wildcards):
    """The prompt file of a method that asks a model."""
    return find_file(models.bug_prompt(repo_of(wildcards).settings, wildcards.method))


def model_of_bugs(wildcards, input):
    """The flags that say which model is asked for bugs."""
    settings = repo_of(wildcards).settings
    try:
        model = models.bug_model(settings, wildcards.method, Path(input.prompt))
    except InputError as error:
        refuse(error)
    return models.flags(settings, model)


def caps_of_bugs(wildcards):
    """The flags of what bugs may cost: a resource, since they change no bug, so that a new cap re-runs nothing done."""
    return models.caps(CONFIGURATION.llm, repo_setting("bug_generation", "llm_max_cost_usd")(wildcards))


def pulls_of_repo(wildcards):
    """The user's file of pull requests."""
    pulls = repo_of(wildcards).settings["bug_generation"]["pulls"]
    if not pulls:
        refuse(f"{wildcards.repo}: bug_generation.pulls names no file of pull requests")
    return own_file(pulls)


def flags_of_combining(wildcards):
    """The flags that say how bugs are combined."""
    chosen = repo_setting("bug_generation", "combine")(wildcards)
    if not chosen["strategies"]:
        refuse(f"{wildcards.repo}: bug_generation.combine.strategies is empty: no bugs are combined")
    numbers = {"--bugs": "bugs", "--depth": "depth", "--max-bugs": "max_bugs", "--per-place": "per_place"}
    return [
        "--strategies",
        *chosen["strategies"],
        *(str(w) for flag, key in numbers.items() for w in (flag, chosen[key])),
    ]


def prompt_of_issues(wildcards):
    """The prompt file of a mode that asks a model; none for another one."""
    prompt = models.issue_prompt(repo_of(wildcards).settings, wildcards.mode)
    return [find_file(prompt)] if prompt else []


def demonstrations_of_issues(wildcards):
    """The issue texts that a prompt shows; none for a mode that asks no model."""
    wanted = find_file(repo_setting("issues", "demonstrations")(wildcards))
    return [wanted] if wildcards.mode in models.TELLING else []


def model_of_issues(wildcards, input):
    """The flags that say what a model is asked for issues with, and which one."""
    settings = repo_of(wildcards).settings
    if wildcards.mode not in models.TELLING:
        return []
    try:
        model = models.issue_model(settings, wildcards.mode, Path(input.prompt[0]))
    except InputError as error:
        refuse(error)
    files = ["--prompt", input.prompt[0], "--demonstrations", input.demonstrations[0]]
    return [*files, *models.flags(settings, model)]


def caps_of_issues(wildcards):
    """The flags of what issue texts may cost."""
    return models.caps(CONFIGURATION.llm, repo_setting("issues", "max_cost_usd")(wildcards))


def calls_for_issues(wildcards):
    """As many units of the resource `llm` as a mode has calls at once."""
    return repo_setting("issues", "workers")(wildcards) if wildcards.mode in models.TELLING else 0


def sandboxes_for_issues(wildcards):
    """As many units of the resource `docker` as a mode has sandboxes at once."""
    return repo_setting("issues", "workers")(wildcards) if wildcards.mode == "tests" else 0


def model_of_agent(wildcards, input):
    """The flags that say which model an agent asks; none for an engine that asks none."""
    settings = run_of(wildcards).settings
    if run_of(wildcards).trained:
        return models.trial_flags(settings, CONFIGURATION.llm)
    try:
        model = models.agent_model(settings, CONFIGURATION.llm, Path(input.config))
    except InputError as error:
        refuse(error)
    return models.flags({"llm": CONFIGURATION.llm}, model) if model else []


def caps_of_agent(wildcards):
    """The flags of what a run's agents may cost and when they begin, which change no trajectory."""
    chosen = run_of(wildcards).settings["agent"]
    return f"{models.caps(CONFIGURATION.llm, chosen['max_cost_usd'])} --delay {chosen['delay_s']}"


def calls_of_agent(wildcards):
    """As many units of the resource `llm` as a run has calls at once."""
    asks = run_setting("agent", "engine")(wildcards) in models.ASKING
    return run_setting("agent", "workers")(wildcards) if asks else 0


def sandboxes_of_agent(wildcards, threads):
    """As many units of the resource `docker` as a run has sandboxes at once: agents that wait for a model need no core."""
    return calls_of_agent(wildcards) or threads


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
    """The environment that the tests of a run, or of a repository, need."""
    return f"logs/build_images/{repo_of(wildcards).name}/environment.json"


def dataset_of_run(wildcards):
    """The dataset of a run, or of a repository: the user's own, or the one that is made; a trial's is held out."""
    repo = repo_of(wildcards)
    if hasattr(wildcards, "run_id") and run_of(wildcards).trained:
        return f"logs/model_evaluation/{run_of(wildcards).trained}/dataset.json"
    return own_file(repo.settings["dataset"]) or f"logs/agent_datasets/{repo.name}_final.json"


def workspaces_of_run(wildcards):
    """What was found in the workspaces of a run's instances."""
    return f"logs/workspaces/{run_of(wildcards).repo.name}.json"


def predictions_of_run(wildcards):
    """The predictions of a run: the user's own, or those of the agent."""
    settings = run_of(wildcards).settings
    if settings["predictions"] and not settings["trajectories"]:
        return own_file(settings["predictions"])
    return f"trajectories/{CONFIGURATION.user}/{wildcards.run_id}/preds.json"


def trajectories_of_run(wildcards):
    """The trajectory folder of a run: the agent's, or what was taken over from the user's."""
    settings = run_of(wildcards).settings
    if settings["predictions"] and not settings["trajectories"]:
        refuse(
            f"run {wildcards.run_id!r} has predictions and no trajectories: it can be evaluated "
            f"(logs/run_evaluation/{wildcards.run_id}/report.json), rows need the key `trajectories` as well"
        )
    return f"trajectories/{CONFIGURATION.user}/{wildcards.run_id}"


def taken_over():
    """A pattern of the runs whose trajectories were made elsewhere."""
    names = [re.escape(run_id) for run_id, run in CONFIGURATION.runs.items() if run.settings["trajectories"]]
    return "|".join(names) or "(?!)"


def trajectories_to_import(wildcards):
    """The user's own folder of trajectories."""
    return own_file(run_of(wildcards).settings["trajectories"])


def tokenizer_of_run(wildcards):
    """The tokenizer that rows are counted with; none where none is named."""
    folder = run_setting("sft", "tokenizer")(wildcards)
    return [f"{own_file(folder)}/tokenizer.json"] if folder else []


def flags_of_counting(wildcards):
    """The flags by which tokens are counted. Of wildcards alone: Snakemake forgets params that are made of the input."""
    found = tokenizer_of_run(wildcards)
    template = run_setting("sft", "template")(wildcards)
    return ["--tokenizer", os.path.dirname(found[0]), "--template", template] if found else []


def flags_of_length(wildcards):
    """The flags of what happens to rows that are too long."""
    if not tokenizer_of_run(wildcards):
        return []
    chosen = learner_of(wildcards).settings["sft"]
    most, policy = str(chosen["max_seq_len"]), chosen["over_length"]
    return [*flags_of_counting(wildcards), "--max-seq-len", most, "--over-length", policy]


def benchmarks_of_run(wildcards):
    """The list of repositories that a run is not trained on; none where that is switched off."""
    listed = run_setting("sft", "filters")(wildcards)["benchmarks"]
    return [find_file(listed)] if listed else []


def flags_of_filters(wildcards):
    """The flags of the filters that are on."""
    chosen = run_setting("sft", "filters")(wildcards)
    switches = {"flags": "--no-flagged", "instances": "--no-similar-instances", "mask_errors": "--mask-errors"}
    numbers = {"similar": "--similar", "per_instance": "--per-instance"}
    return [
        *(word for path in benchmarks_of_run(wildcards) for word in ("--benchmarks", path)),
        *(flag for key, flag in switches.items() if chosen[key]),
        *(word for key, flag in numbers.items() if chosen[key] for word in (flag, str(chosen[key]))),
    ]


def rows_of_export(wildcards):
    """All rows of a run or a mix, for the export that needs unresolved ones; nothing for another one."""
    wanted = wildcards.export == "preferences"
    return of_parts("trajectories_sft/{run_id}.{style}.jsonl")(wildcards) if wanted else []


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
    screens = repo.settings["bug_generation"]["screens"]
    combined = [f"logs/bug_gen/{repo.name}_combined_patches.json.meta.json"] if has_combined(repo) else []
    return {
        "bugs": [*summaries_of_bugs(wildcards), *combined],
        "screening": [f"logs/bug_gen/{repo.name}_screened_patches.json.meta.json"] if screens else [],
        "validation": validation_reports(wildcards),
        "confirmation": [f"logs/run_validation/{repo.name}/confirmation.json"],
    }


def flags_of_making(wildcards, input):
    """The flags for these summaries."""
    made = {name: input.get(name) or [] for name in ("bugs", "screening", "validation", "confirmation")}
    return [word for name, paths in made.items() if paths for word in (f"--{name}", *paths)]


def rows_to_train(wildcards):
    """The rows that a run's model learns."""
    kind = "train" if run_setting("training", "hold_out")(wildcards) else "resolved_only"
    return f"trajectories_sft/{wildcards.run_id}.{kind}.{run_setting('sft', 'style')(wildcards)}.jsonl"


def base_model_of_run(wildcards):
    """The folder of a run's base model: the user's, or the tiny one that is made."""
    own = run_setting("training", "base_model")(wildcards)
    return f"logs/train/{wildcards.run_id}/tiny_model" if own == "tiny" else own


def config_of_base_model(wildcards):
    """The file by which a base model is known to be there."""
    return f"{base_model_of_run(wildcards)}/config.json"


def python_of_training(wildcards):
    """The Python of the trainer's environment."""
    return CONFIGURATION.trainer_python(learner_of(wildcards))


def config_of_agent(wildcards):
    """The configuration of a run's agent; that of a trial is made."""
    name = models.agent_config(run_of(wildcards).settings)
    return name if run_of(wildcards).trained else find_file(name)


def server_of_agent(wildcards):
    """The start of the command of a trial whose model we serve ourselves; nothing for another run."""
    run = run_of(wildcards)
    if not run.trained or run.settings["served"]["api_base"]:
        return []
    parent = SimpleNamespace(run_id=run.trained)
    command = ["python", f"{SCRIPTS}/serve_model.py", tried_model(run.trained, run.settings["side"])]
    most = str(run_setting("model_evaluation", "max_tokens")(parent))
    return [*command, "--python", python_of_training(parent), "--max-tokens", most, "--"]


def may_fail(wildcards):
    """The flag by which a model may be of no use: of a trial, that is a result."""
    return ["--may-fail"] if run_of(wildcards).trained else []


def tried_model(run_id, side):
    """The file by which one of a training's two models is known to be there."""
    if side == "tuned":
        return f"outputs/{run_id}/manifest.json"
    return config_of_base_model(SimpleNamespace(run_id=run_id))


def agent_of_trial(wildcards):
    """The configuration that a trial's agent is made from: it has to speak as the rows do that were learnt."""
    own = run_setting("model_evaluation", "config")(wildcards)
    if not own and run_setting("sft", "style")(wildcards) != "xml":
        refuse(
            f"run {wildcards.run_id!r}: a model of rows in another style than xml needs model_evaluation.config, "
            "an agent that speaks as they do"
        )
    return find_file(own or models.TRIAL)


def held_out_rows(wildcards):
    """The two sides of a run's rows."""
    if not run_setting("training", "hold_out")(wildcards):
        refuse(f"run {wildcards.run_id!r}: training.hold_out is false: nothing is left to try the model on")
    for name in (f"{wildcards.run_id}.{side}" for side in models.TRIED):
        if name in CONFIGURATION.runs:
            refuse(f"config: key runs.{name}: it is the name of a trial of runs.{wildcards.run_id}; give it another")
    style = run_setting("sft", "style")(wildcards)
    return {side: f"trajectories_sft/{wildcards.run_id}.{side}.{style}.jsonl" for side in ("train", "validation")}


def made_of_training(wildcards):
    """What a run's training and the trial of its model have left by now, by the flag of the report."""
    found = {"--curves": f"outputs/{wildcards.run_id}/curves.json"}
    found["--model-evaluation"] = f"logs/model_evaluation/{wildcards.run_id}/report.json"
    return {flag: path for flag, path in found.items() if os.path.exists(path)}


def training_of_run(wildcards):
    """These files by absolute paths, which are no rule's output: a report never asks for a training."""
    return [os.path.abspath(path) for path in made_of_training(wildcards).values()]


def flags_of_training(wildcards):
    """The flags for these files."""
    return [word for pair in made_of_training(wildcards).items() for word in pair]
