"""The way from a run or a mix to its files and flags, for rows, training and the report."""


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


def held_out_rows(wildcards):
    """The two sides of a run's rows."""
    if not run_setting("training", "hold_out")(wildcards):
        refuse(f"run {wildcards.run_id!r}: training.hold_out is false: nothing is left to try the model on")
    for name in (f"{wildcards.run_id}.{side}" for side in models.TRIED):
        if name in CONFIGURATION.runs:
            refuse(f"config: key runs.{name}: it is the name of a trial of runs.{wildcards.run_id}; give it another")
    style = run_setting("sft", "style")(wildcards)
    return {side: f"trajectories_sft/{wildcards.run_id}.{side}.{style}.jsonl" for side in ("train", "validation")}


def templates(page):
    """The template of a page and what the pages share."""
    return [f"{SCRIPTS}/../report/{name}" for name in (page, "shared.html.j2", "style.css", "page.js")]


def making_of_dataset(wildcards):
    """The summaries of how the dataset was made; nothing for a dataset of the user's."""
    repo = repo_of(wildcards)
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


def page_of_repository(wildcards):
    """The page to which a run's leads for what became of each candidate; none for a dataset of the user's."""
    repo = run_of(wildcards).repo
    return [] if repo.settings["dataset"] else [f"reports/repos/{repo.name}.html"]


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


def published_files():
    """The receipts of all final files that are copied to the store."""
    if not CONFIGURATION.storage["s3"]:
        return []
    rows = "trajectories_sft/{run_id}.resolved_only.{style}.jsonl"
    made = [*expand_runs(rows), *expand_mixes(rows)]
    made += [f"{name}.meta.json" for name in made]
    for page in (expand_runs("reports/{run_id}.html"), expand_repos("reports/repos/{repo}.html")):
        made += [*page, *(name.removesuffix("html") + "json" for name in page)]
    return [f"logs/published/{name}.json" for name in made]


@functools.cache
def check_store():
    """End planning with one line where the store cannot be had: Snakemake looks for the copies next, and says it in fifty."""
    or_refuse(publishing.check_bucket, CONFIGURATION.storage)


def file_to_publish(wildcards):
    """The file that is copied, of a store that is there."""
    check_store()
    return wildcards.file
