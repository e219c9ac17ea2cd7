"""Which steps of a repository or a run ask a language model, with which prompt, and which model it is."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tracesmith import schemas
from tracesmith.errors import InputError

PROMPTS = {
    "llm_modify": "configs/bug_gen/ts_modify.yml",
    "llm_rewrite": "configs/bug_gen/ts_rewrite.yml",
    "llm": "configs/issue_gen/ig_v2.yaml",
    "tests": "configs/issue_gen/ig_tests.yaml",
}
"""Our own prompt files, by the method of bugs or the mode of issues."""
WRITING = ("llm_modify", "llm_rewrite")
"""Methods that ask a model for bugs."""
TELLING = ("llm", "tests")
"""Modes that ask a model for issue texts."""
AGENTS = {
    "mini": "configs/agent/mini.yaml",
    "oracle": "configs/agent/oracle.yaml",
    "null": "configs/agent/oracle.yaml",
    "sweagent": "configs/agent/swesmith_gen_glm_ts.yaml",
}
"""Our own configurations of agents, by engine."""
ROWS = {"mini": "configs/agent/xml_bash.yaml"}
"""System messages of rows in style xml, by engine; the others have the tools of xml_tools.yaml."""
ASKING = ("mini", "sweagent")
"""Engines that ask a model."""
TRIED = ("base", "tuned")
"""The two models of a training; a run x is tried with them as x.base and x.tuned."""
TRIAL = "configs/agent/mini_xml.yaml"
"""Agent of a model that was trained on rows of style xml."""
Settings = Mapping[str, Any]
"""The sections of a repository's settings, with `llm`."""


def bug_methods(settings: Settings) -> list[str]:
    """Return the methods by which a repository's bugs are made, as their files are named."""
    chosen = settings["bug_generation"]
    if chosen["method"] != "all":
        return [chosen["method"].replace("-", "_")]
    return ["procedural", *WRITING, *(["pr"] if chosen["pulls"] else [])]


def bug_prompt(settings: Settings, method: str) -> str:
    """Return the prompt file of a method that asks a model."""
    chosen = settings["bug_generation"]["llm_config"]
    if isinstance(chosen, Mapping):
        chosen = chosen.get(method.replace("_", "-"))
    return chosen or PROMPTS[method]


def bug_model(settings: Settings, method: str, prompt: Path) -> str:
    """Return the model of a method that asks one. Raises InputError when nobody names one."""
    said = f"bug_generation.method {method.replace('_', '-')} asks a model"
    return _named(
        settings, settings["bug_generation"]["llm_model"], prompt, f"{said}: set llm_model there, or llm.model"
    )


def issue_prompt(settings: Settings, mode: str) -> str | None:
    """Return the prompt file of a mode; None for one that asks no model."""
    return settings["issues"]["config"] or PROMPTS[mode] if mode in TELLING else None


def issue_model(settings: Settings, mode: str, prompt: Path) -> str:
    """Return the model of a mode that asks one. Raises InputError when nobody names one."""
    said = f"issues.mode {mode} asks a model: set model there, or llm.model"
    return _named(settings, settings["issues"]["model"], prompt, said)


def agent_config(run: Settings) -> str:
    """Return the configuration file of a run's agent; `run` are the sections of a run's settings."""
    chosen = run["agent"]
    return str(chosen["config"] or AGENTS[chosen["engine"]])


def agent_model(run: Settings, llm: Mapping[str, Any], config: Path) -> str | None:
    """Return the model of a run's agent; None for an engine that asks none. Raises InputError when nobody names one."""
    engine = run["agent"]["engine"]
    if engine not in ASKING:
        return None
    said = f"agent.engine {engine} asks a model: set model there, or llm.model"
    wanted = run["agent"]["model"]
    if engine == "sweagent" and not wanted:  # its file is in SWE-agent's own format
        wanted = ((schemas.read_yaml(config).get("agent") or {}).get("model") or {}).get("name")
    return _named({"llm": llm}, wanted, config, said)


def trial(run: Settings, side: str, run_id: str) -> dict[str, Any]:
    """Return the settings of the run in which one of a training's two models is tried."""
    chosen = run["model_evaluation"]
    servers = {"base": chosen["base"], "tuned": chosen["tuned"]}
    served = servers[side] or {"model": f"openai/{run_id}.{side}", "api_base": None}
    agent = {**run["agent"], "engine": "mini", "config": f"logs/model_evaluation/{run_id}/{side}.yaml", "home": None}
    agent |= {"model": served["model"], "workers": chosen["workers"], "samples": 1, "sample": 1}
    return {**run, "agent": agent, "trajectories": None, "predictions": None, "served": served, "side": side}


def trial_flags(run: Settings, llm: Mapping[str, Any]) -> list[str]:
    """Return the flags, of llm/flags.py, of a trial's model; one that we serve ourselves costs nothing."""
    served = run["served"]
    if served["api_base"]:
        return flags({"llm": {**llm, "api_base": served["api_base"]}}, served["model"])
    return ["--model", served["model"], "--price", "0", "0"]


def rows_prompt(run: Settings) -> str:
    """Return the file with the system message of a run's rows in style xml."""
    return str(run["sft"]["prompt"] or ROWS.get(run["agent"]["engine"], "configs/agent/xml_tools.yaml"))


def check_run(run: Settings, llm: Mapping[str, Any], name: str, find: Any) -> None:
    """Raise InputError, with the run's name, when its agent needs a model and none is configured."""
    if run["trajectories"] or run["predictions"]:
        return
    try:
        agent_model(run, llm, Path(find(agent_config(run))))
    except InputError as error:
        raise InputError(f"config: runs.{name}: {error}") from None


def check(settings: Settings, name: str, find: Any) -> None:
    """
    Raise InputError, with the repository's name, when its bugs or issues need something that is not configured.

    `find` makes a path of a file's name in the configuration.
    """
    chosen = settings["bug_generation"]
    if chosen["method"] == "pr" and not chosen["pulls"]:
        raise InputError(f"config: key repos.{name}.bug_generation.pulls is missing: the method pr reads pull requests")
    if chosen["method"] == "all" and isinstance(chosen["llm_config"], str):
        raise InputError(
            f"config: key repos.{name}.bug_generation.llm_config: with the method all, wanted is a file for each: "
            "{llm-modify: FILE, llm-rewrite: FILE}"
        )
    try:
        prompts = {
            method: Path(find(bug_prompt(settings, method))) for method in bug_methods(settings) if method in WRITING
        }
        for method, prompt in prompts.items():
            bug_model(settings, method, prompt)
        _check_names(list(prompts.values()))
        mode = settings["issues"]["mode"]
        if mode in TELLING:
            issue_model(settings, mode, Path(find(issue_prompt(settings, mode))))
    except InputError as error:
        raise InputError(f"config: repos.{name}: {error}") from None


def flags(settings: Settings, model: str) -> list[str]:
    """Return the flags, of llm/flags.py, that decide what is answered and what it costs."""
    llm = settings["llm"]
    server = ["--api-base", llm["api_base"]] if llm["api_base"] else []
    return ["--model", model, *server, *(["--price", *map(str, llm["price"])] if llm["price"] else [])]


def caps(llm: Mapping[str, Any], stage_max_cost_usd: float | None) -> str:
    """Return the flags, of llm/flags.py, that only bound how much and how quickly is asked."""
    given = {
        "--requests-per-minute": llm["requests_per_minute"],
        "--max-cost": llm["max_cost_usd"],
        "--stage-max-cost": stage_max_cost_usd,
    }
    words = [f"{flag} {value}" for flag, value in given.items() if value is not None]
    return " ".join([*words, *(["--allow-unknown-price"] if llm["allow_unknown_price"] else [])])


def _check_names(prompts: Sequence[Path]) -> None:
    """Raise InputError when two prompt files have one name: by it the files of their bugs are told apart."""
    names = [_of_prompt(prompt, "name") for prompt in prompts]
    for position, name in enumerate(names):
        if name is not None and name in names[:position]:
            raise InputError(f"{prompts[position]}: key name: {prompts[names.index(name)]} has the same name {name!r}")


def _of_prompt(prompt: Path, key: str) -> Any:
    """Return what a prompt file says under a key; None where there is no such file yet."""
    value = schemas.read_yaml(prompt) if prompt.exists() else None
    return value.get(key) if isinstance(value, dict) else None


def _named(settings: Settings, own: str | None, prompt: Path, missing: str) -> str:
    model = own or _of_prompt(prompt, "model") or settings["llm"]["model"]
    if not isinstance(model, str):
        raise InputError(missing)
    return model
