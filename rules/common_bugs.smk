"""The way from a job to its files and flags, for bugs and issue texts."""


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


def patches_of_repo(wildcards):
    """All candidates of a repository as they were made, single ones first; none are made where it has its dataset."""
    if repo_of(wildcards).settings["dataset"]:
        refuse(f"{wildcards.repo} has a dataset of its own: how its bugs were made is not known here")
    return [f"logs/bug_gen/{wildcards.repo}_all_patches.json", *validated_patches(wildcards)[1:]]


def validation_reports(wildcards):
    """The reports of these candidates, in the same order."""
    repo = repo_of(wildcards)
    names = ["report", *(["combined_report"] if has_combined(repo) else [])]
    return [f"logs/run_validation/{repo.name}/{name}.json" for name in names]


def summaries_of_bugs(wildcards):
    """The summaries of the methods by which a repository's bugs are made."""
    repo = repo_of(wildcards)
    return [f"logs/bug_gen/{repo.name}/{method}.json" for method in models.bug_methods(repo.settings)]


def may_be_empty(wildcards):
    """The flag by which one of several methods may make no bug."""
    return ["--allow-empty"] if len(models.bug_methods(repo_of(wildcards).settings)) > 1 else []


def prompt_of_bugs(wildcards):
    """The prompt file of a method that asks a model."""
    return find_file(models.bug_prompt(repo_of(wildcards).settings, wildcards.method))


def model_of_bugs(wildcards, input):
    """The flags that say which model is asked for bugs."""
    settings = repo_of(wildcards).settings
    model = or_refuse(models.bug_model, settings, wildcards.method, Path(input.prompt))
    return models.flags(settings, model)


def caps_of_bugs(wildcards):
    """The flags of what bugs may cost: a resource, since they change no bug, so that a new cap re-runs nothing done."""
    return models.caps(CONFIGURATION.llm, repo_setting("bug_generation", "llm_max_cost_usd")(wildcards))


def sandboxes_for_bugs(wildcards):
    """As many units of the resource `docker` as a job of bugs has sandboxes: none where it only asks its shard's share."""
    return 0 if hasattr(wildcards, "shard") else 1


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
    model = or_refuse(models.issue_model, settings, wildcards.mode, Path(input.prompt[0]))
    files = ["--prompt", input.prompt[0], "--demonstrations", input.demonstrations[0]]
    return [*files, *models.flags(settings, model)]


def caps_of_issues(wildcards):
    """The flags of what issue texts may cost."""
    return models.caps(CONFIGURATION.llm, repo_setting("issues", "max_cost_usd")(wildcards))


def shards_of_issues(wildcards):
    """How many jobs the texts of a mode are divided into: one where no model is asked."""
    return repo_setting("issues", "shards")(wildcards) if wildcards.mode in models.TELLING else 1


def calls_for_issues(wildcards):
    """As many units of the resource `llm` as a job of a mode has calls at once."""
    calls = of_stage(shards_of_issues, repo_setting("issues", "workers"))
    return calls(wildcards) if wildcards.mode in models.TELLING else 0


def sandboxes_for_issues(wildcards):
    """As many units of the resource `docker` as a job of a mode has sandboxes at once."""
    return calls_for_issues(wildcards) if wildcards.mode == "tests" else 0


def issues_of_repo(wildcards):
    """The issue texts in the mode that the configuration asks for."""
    return f"logs/issue_gen/{wildcards.repo}__{repo_of(wildcards).settings['issues']['mode']}.json"
