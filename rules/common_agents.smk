"""The way from a run to its files and flags, for agents, trials of a trained model and what they work on."""


def dataset_of_run(wildcards):
    """The dataset of a run, or of a repository: the user's own, or the one that is made; a trial's is held out."""
    repo = repo_of(wildcards)
    if hasattr(wildcards, "run_id") and run_of(wildcards).trained:
        return f"logs/model_evaluation/{run_of(wildcards).trained}/dataset.json"
    return own_file(repo.settings["dataset"]) or f"logs/agent_datasets/{repo.name}_final.json"


def environment_of_run(wildcards):
    """The environment that the tests of a run, or of a repository, need."""
    return f"logs/build_images/{repo_of(wildcards).name}/environment.json"


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


def config_of_agent(wildcards):
    """The configuration of a run's agent; that of a trial is made."""
    name = models.agent_config(run_of(wildcards).settings)
    return name if run_of(wildcards).trained else find_file(name)


def model_of_agent(wildcards, input):
    """The flags that say which model an agent asks; none for an engine that asks none."""
    settings = run_of(wildcards).settings
    if run_of(wildcards).trained:
        return models.trial_flags(settings, CONFIGURATION.llm)
    model = or_refuse(models.agent_model, settings, CONFIGURATION.llm, Path(input.config))
    return models.flags({"llm": CONFIGURATION.llm}, model) if model else []


def caps_of_agent(wildcards):
    """The flags of what a run's agents may cost and when they begin, which change no trajectory."""
    chosen = run_of(wildcards).settings["agent"]
    return f"{models.caps(CONFIGURATION.llm, chosen['max_cost_usd'])} --delay {chosen['delay_s']}"


def calls_of_agent(wildcards):
    """As many units of the resource `llm` as a job of a run has calls at once."""
    asks = run_setting("agent", "engine")(wildcards) in models.ASKING
    return of_stage(run_setting("agent", "shards"), run_setting("agent", "workers"))(wildcards) if asks else 0


def sandboxes_of_agent(wildcards, threads):
    """As many units of the resource `docker` as a job has sandboxes at once: agents that wait for a model need no core."""
    return calls_of_agent(wildcards) or threads


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
