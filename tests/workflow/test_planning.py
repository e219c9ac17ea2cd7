"""What a dry run says before anything is spent."""

import re
from pathlib import Path

import pytest
import yaml

import tiny
import workflows

SECRET = "sk-ant-planted-0123456789"  # noqa: S105 - planted, to be looked for


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a configuration and nothing made."""
    workflows.make_folder(tmp_path)
    return tmp_path


def test_the_plan_of_all_names_every_step(folder: Path) -> None:
    steps = {
        "build_environment",
        "generate_bugs",
        "collect_patches",
        "screen_bugs",
        "validate_bugs",
        "confirm_bugs",
        "gather_instances",
    }
    steps |= {"write_issues", "assemble_dataset", "check_workspaces", "run_agent", "evaluate_predictions"}
    assert workflows.planned(folder) == {*steps, "convert_trajectories", "filter_resolved", "report_run", "report_repo"}


def test_training_is_planned_only_when_it_is_asked_for(folder: Path) -> None:
    training = {"make_tiny_model", "render_training_config", "finetune"}
    assert not training & workflows.planned(folder)
    assert training < workflows.planned(folder, "outputs/tiny-oracle/manifest.json")


def test_a_model_is_tried_only_when_it_is_asked_for(folder: Path) -> None:
    target = "logs/model_evaluation/tiny-oracle/report.json"
    done = workflows.snakemake(folder, "-n", "-p", target)
    assert done.returncode == 0, done.stdout
    for side in ("base", "tuned"):
        assert f"--config logs/model_evaluation/tiny-oracle/{side}.yaml" in done.stdout
        assert f"--model openai/tiny-oracle.{side} --price 0 0" in done.stdout
        assert f"trajectories/local/tiny-oracle.{side}/preds.json" in done.stdout
    assert "serve_model.py outputs/tiny-oracle/manifest.json" in done.stdout
    assert "serve_model.py logs/train/tiny-oracle/tiny_model/config.json" in done.stdout
    assert "trajectories_sft/tiny-oracle.train.xml.jsonl" in done.stdout
    new = {"hold_out_instances", "render_agent_config", "evaluate_model"}
    assert new < workflows.planned(folder, target)
    assert not new & workflows.planned(folder, "outputs/tiny-oracle/manifest.json")


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ({"training": {"hold_out": False}}, "training.hold_out is false: nothing is left to try the model on"),
        ({"sft": {"style": "ticks"}}, "needs model_evaluation.config, an agent that speaks as they do"),
        ({"model_evaluation": {"base": {"model": "openai/x"}}}, "model_evaluation.base.api_base is missing"),
    ],
)
def test_a_model_that_cannot_be_tried_is_refused_at_once(folder: Path, run: dict[str, object], said: str) -> None:
    config = workflows.read_config(folder)
    config["runs"]["tiny-oracle"] = {"repo": "tiny", **run}
    workflows.write_config(folder, config)
    done = workflows.snakemake(folder, "-n", "logs/model_evaluation/tiny-oracle/report.json")
    assert done.returncode == 1
    assert said in done.stdout
    assert "Traceback" not in done.stdout


def test_a_run_with_the_name_of_a_trial_is_not_taken_for_one(folder: Path) -> None:
    config = workflows.read_config(folder)
    config["runs"]["tiny-oracle.base"] = {"repo": "tiny"}
    workflows.write_config(folder, config)
    assert workflows.snakemake(folder, "-n", "trajectories/local/tiny-oracle.base/preds.json").returncode == 0
    done = workflows.snakemake(folder, "-n", "logs/model_evaluation/tiny-oracle/report.json")
    assert done.returncode == 1
    assert "runs.tiny-oracle.base: it is the name of a trial of runs.tiny-oracle; give it another" in done.stdout


def test_a_model_of_the_users_is_not_made(folder: Path) -> None:
    (folder / "model").mkdir()
    (folder / "model/config.json").write_text("{}")
    config = workflows.read_config(folder)
    config["runs"]["tiny-oracle"]["training"] = {"base_model": "model", "backend": "trl"}
    workflows.write_config(folder, config)
    planned = workflows.planned(folder, "outputs/tiny-oracle/manifest.json")
    assert "make_tiny_model" not in planned
    done = workflows.snakemake(folder, "-n", "-p", "outputs/tiny-oracle/manifest.json")
    assert "logs/train/tiny-oracle/trl.yaml" in done.stdout
    assert ".venv-trl/bin/python" in done.stdout


def test_a_profile_is_made_for_a_source_without_one(folder: Path) -> None:
    config = workflows.read_config(folder)
    config["repos"]["tiny"] |= {"profile": "auto", "source": str(tiny.SOURCE)}
    workflows.write_config(folder, config)
    assert "make_profile" in workflows.planned(folder)
    assert workflows.planned(folder, f"logs/profiles/{tiny.REPO}.yaml") == {"make_profile"}


def test_a_profile_is_not_made_where_one_is_named(folder: Path) -> None:
    done = workflows.snakemake(folder, "-n", f"logs/profiles/{tiny.REPO}.yaml")
    assert done.returncode == 1
    assert f"{tiny.REPO} has a profile, tiny.yaml" in done.stdout


def test_another_source_wins_over_the_profiles_own(folder: Path) -> None:
    config = workflows.read_config(folder)
    config["repos"]["tiny"]["source"] = "npm:intervals@1.2.3"
    workflows.write_config(folder, config)
    done = workflows.snakemake(folder, "-n", "-p", "logs/build_images/npm__intervals.v1.2.3/environment.json")
    assert done.returncode == 0, done.stdout
    assert "--source npm:intervals@1.2.3" in done.stdout


def test_a_mirror_is_pushed_when_it_is_asked_for(folder: Path) -> None:
    config = workflows.read_config(folder)
    config["organisation"] = {"github": "acme"}
    workflows.write_config(folder, config)
    mirror = f"logs/mirrors/{tiny.REPO}.json"
    assert "push_mirror" not in workflows.planned(folder)
    assert "push_mirror" in workflows.planned(folder, mirror)


@pytest.mark.parametrize("target", ["", "reports/tiny-oracle.html"])
def test_a_mirror_is_pushed_with_everything_when_github_is_the_backend(folder: Path, target: str) -> None:
    config = workflows.read_config(folder)
    config |= {"organisation": {"github": "acme", "github_owner_type": "org"}, "mirror": {"backend": "github"}}
    workflows.write_config(folder, config)
    done = workflows.snakemake(folder, "-n", "-p", *filter(None, [target]))
    assert done.returncode == 0, done.stdout
    assert "push_mirror.py" in done.stdout
    assert "--owner-type org" in done.stdout
    assert "--public" not in done.stdout


def test_a_mirror_of_nobody_is_refused_at_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SWESMITH_ORG_GH", raising=False)
    done = workflows.snakemake(folder, "-n", f"logs/mirrors/{tiny.REPO}.json")
    assert done.returncode == 1
    assert "key organisation.github, or SWESMITH_ORG_GH, has to name the owner" in done.stdout


@pytest.mark.parametrize("wanted", [False, True])
def test_images_are_pushed_with_everything_when_that_is_asked_for(folder: Path, wanted: bool) -> None:
    config = workflows.read_config(folder)
    config |= {"organisation": {"dockerhub": "localhost:5000/me"}, "mirror": {"push_images": wanted}}
    config["repos"]["tiny"]["sandbox"]["backend"] = "docker"
    workflows.write_config(folder, config)
    done = workflows.snakemake(folder, "-n", "-p")
    assert done.returncode == 0, done.stdout
    assert (f"logs/images/{tiny.REPO}.json" in done.stdout) == wanted
    assert "--dockerhub localhost:5000/me" in done.stdout
    assert "--with-swerex" not in done.stdout


def test_a_stage_is_as_many_jobs_as_it_has_shards_and_one_that_puts_them_together(folder: Path) -> None:
    config = workflows.read_config(folder)
    shards = {"validation": {"shards": 3}, "agent": {"shards": 2}, "evaluation": {"shards": 2}}
    workflows.write_config(folder, config | {"defaults": shards})
    done = workflows.snakemake(folder, "-n", "-p", "trajectories_sft/tiny-oracle.resolved_only.xml.jsonl")
    assert done.returncode == 0, done.stdout
    for stage, count in (("validate_bugs", 3), ("confirm_bugs", 3), ("run_agent", 2), ("evaluate_predictions", 2)):
        assert re.search(rf"^{stage}_shard +{count}$", done.stdout, re.M), stage
        assert re.search(rf"^{stage} +1$", done.stdout, re.M), stage
        assert done.stdout.count(f"{stage}.py ") == count + 1
    assert re.findall(r"--shard (\S+)", done.stdout).count("1/3") == 2


def test_stages_that_ask_a_model_have_shards_and_ask_for_what_is_left_to_do(folder: Path) -> None:
    config = workflows.read_config(folder) | {"llm": {"model": "openai/gpt-4o"}}
    config["repos"]["tiny"] |= {"bug_generation": {"method": "llm-modify", "shards": 3, "llm_workers": 5}}
    config["repos"]["tiny"] |= {"issues": {"mode": "llm", "shards": 2, "workers": 6}}
    workflows.write_config(folder, config)
    texts = [f"logs/issue_gen/{tiny.REPO}__{mode}.json" for mode in ("llm", "tests", "static")]
    done = workflows.snakemake(folder, "-n", "-p", *texts, cores=8)
    assert done.returncode == 0, done.stdout
    assert sorted(re.findall(r"--shard (\S+)", done.stdout)) == ["1/2", "1/2", "1/3", "2/2", "2/2", "2/3", "3/3"]
    asking = [job for job in workflows.requests(done.stdout) if "llm" in job]
    jobs = sorted((job["rule"], job["llm"], job["docker"], job["runtime"]) for job in asking)
    assert jobs == [
        ("write_bugs", "5", "1", "720"),
        *[("write_bugs_shard", "5", "0", "720")] * 3,
        ("write_issues", "0", "0", "720"),
        ("write_issues", "1", "0", "60"),
        ("write_issues", "1", "1", "60"),
        *[("write_issues_shard", "6", "0", "720")] * 2,
        *[("write_issues_shard", "6", "6", "720")] * 2,
    ]


def test_the_job_that_puts_shards_together_asks_for_little(folder: Path) -> None:
    config = workflows.read_config(folder)
    stages = {name: {"shards": 2, "workers": 6} for name in ("validation", "agent", "evaluation")}
    (folder / "agent.yaml").write_text((workflows.ROOT / "configs" / "agent" / "mini.yaml").read_text())
    config["runs"]["tiny-oracle"]["agent"] |= {"engine": "mini", "model": "openai/gpt-4o"}
    workflows.write_config(folder, config | {"defaults": stages})
    done = workflows.snakemake(folder, "-n", "trajectories_sft/tiny-oracle.resolved_only.xml.jsonl", cores=8)
    assert done.returncode == 0, done.stdout
    jobs = [job for job in workflows.requests(done.stdout) if "docker" in job]
    for stage in ("validate_bugs", "confirm_bugs", "run_agent", "evaluate_predictions"):
        merging = [job for job in jobs if job["rule"] == stage]
        shards = [job for job in jobs if job["rule"] == f"{stage}_shard"]
        assert [(job["threads"], job["docker"], job["runtime"]) for job in merging] == [("1", "1", "60")]
        assert [(job["threads"], job["docker"], job["runtime"]) for job in shards] == [("6", "6", "720")] * 2
        calls = [job["llm"] for job in merging + shards if "llm" in job]
        assert calls == (["1", "6", "6"] if stage == "run_agent" else [])


def test_a_stage_in_one_job_has_all_that_it_asks_for(folder: Path) -> None:
    config = workflows.read_config(folder)
    workflows.write_config(folder, config | {"defaults": {"evaluation": {"workers": 6}}})
    done = workflows.snakemake(folder, "-n", "logs/run_evaluation/tiny-oracle/report.json", cores=8)
    job = next(job for job in workflows.requests(done.stdout) if job["rule"] == "evaluate_predictions")
    assert (job["threads"], job["docker"], job["runtime"]) == ("6", "6", "720")


def test_a_mix_is_filtered_split_exported_and_trained_as_one(folder: Path) -> None:
    config = workflows.read_config(folder)
    runs = config["runs"] | {"second": config["runs"]["tiny-oracle"]}
    mix = {"runs": ["tiny-oracle", "second"], "sft": {"filters": {"per_instance": 1}}, "training": {"gpus": 0}}
    workflows.write_config(folder, config | {"runs": runs, "mixes": {"both": mix}})
    done = workflows.snakemake(
        folder, "-n", "-p", "exports/both/xml/preferences/manifest.json", "outputs/both/manifest.json"
    )
    assert done.returncode == 0, done.stdout
    rows = [f"trajectories_sft/{name}.xml.jsonl" for name in ("tiny-oracle", "second")]
    reports = [f"logs/run_evaluation/{name}/report.json" for name in ("tiny-oracle", "second")]
    assert f"filter_resolved.py {' '.join(rows)}" in done.stdout
    assert f"--report {' '.join(reports)}" in done.stdout
    assert "--per-instance 1" in done.stdout
    assert f"--rows {' '.join(rows)}" in done.stdout
    assert "trajectories_sft/both.train.xml.jsonl" in done.stdout
    done = workflows.snakemake(folder, "-n", "reports/both.html")
    assert done.returncode == 1
    assert "error: 'both' is a mix of the runs tiny-oracle, second: " in done.stdout


@pytest.mark.parametrize("target", ["trajectories_sft/nope.resolved_only.xml.jsonl", "reports/nope.html"])
def test_an_unknown_run_fails_at_once_and_lists_the_known(folder: Path, target: str) -> None:
    done = workflows.snakemake(folder, "-n", target)
    assert done.returncode == 1
    lines = done.stdout.splitlines()
    assert "error: unknown run 'nope'; the configuration has: demo, htmlparser2-oracle, tiny-oracle" in lines
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize(
    "target",
    [
        "agent_datasets/me__thing.v1_final.json",
        "bug_gen/me__thing.v1/llm_modify.json",
        "bug_gen/me__thing.v1_combined_patches.json",
        "run_validation/me__thing.v1/combined_report.json",
    ],
)
def test_an_unknown_repo_fails_at_once_and_lists_the_known(folder: Path, target: str) -> None:
    done = workflows.snakemake(folder, "-n", f"logs/{target}")
    assert done.returncode == 1
    assert "error: unknown repo 'me__thing.v1'; the configuration has:" in done.stdout
    assert tiny.REPO in done.stdout
    assert "Traceback" not in done.stdout


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("repos", {"tiny": {"profile": "NoProfile"}}, "key repos.tiny.profile: no such profile; known: "),
        ("repos", {"x": {"profile": "auto"}}, "key repos.x.source is missing: `profile: auto` makes a profile of"),
        ("repos", {"x": {"profile": "auto", "source": "/no/such"}}, "key repos.x.source: source '/no/such'"),
        (
            "repos",
            {"x": {"profile": "auto", "source": "npm:a@1.0.0"}, "y": {"profile": "auto", "source": "npm:a@1.0.0"}},
            "the repos x and y have the same source",
        ),
        ("repos", {"tiny": {"profle": SECRET}}, "unknown key repos.tiny.profle"),
        ("user", f"{SECRET} x", "key user: wanted is"),
        ("sandbox", {"memory": SECRET}, "key sandbox.memory: wanted is"),
        ("runs", {"x": {"repo": SECRET}}, "key runs.x.repo: no such repo"),
        ("runs", {"x": {"repo": "tiny", "agent": {"engine": SECRET}}}, "key runs.x.agent.engine: wanted is one of"),
        ("runs", {"a.resolved_only": {"repo": "tiny"}}, "runs"),
        ("mixes", {"m": {"runs": ["nobody"]}}, "key mixes.m.runs: no such run 'nobody'; known: demo, "),
        ("mixes", {"demo": {"runs": ["demo"]}}, "key mixes.demo: it is the name of a run"),
        ("mixes", {"m": {"runs": []}}, "key mixes.m.runs: wanted is"),
        ("mixes", {"m": {"runs": ["demo"], "agent": {}}}, "unknown key mixes.m.agent"),
        ("api_key", SECRET, "unknown key api_key"),
    ],
)
def test_a_wrong_configuration_is_one_clear_line_without_secrets(
    folder: Path, key: str, value: object, said: str
) -> None:
    config = workflows.read_config(folder)
    config[key] = value if key != "repos" else {**config["repos"], **value}
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    done = workflows.snakemake(folder, "-n")
    assert done.returncode == 1
    errors = [line for line in done.stdout.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert said in errors[0]
    assert "Traceback" not in done.stdout
    assert SECRET not in done.stdout
