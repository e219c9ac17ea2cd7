"""A trained model beside its base, on the instances that no training row is of: our server, and servers of others."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

import agent_models
import guide_runs
import llm_server
import tiny
import workflows
from llm_server import Body, Message
from training_models import training_python

pytest.importorskip("minisweagent", reason="missing: mini-swe-agent, of envs/pipeline.txt")
pytestmark = [pytest.mark.sandbox, pytest.mark.network, pytest.mark.train]
RUN = "tiny-oracle"
REPORT = f"logs/model_evaluation/{RUN}/report.json"
EXAMPLES = (
    "split_rows",
    "hold_out_instances",
    "make_tiny_model",
    "render_training_config",
    "finetune",
    "serve_model",
    "render_agent_config",
    "evaluate_model",
)
"""Scripts whose examples need what a training leaves."""
NAMES = {
    "REPO": tiny.REPO,
    "USER/": "local/",
    "RUN": RUN,
    "configs/train/full_ft_qwen_7b_local.yml": "train.yml",
    "models/Qwen2.5-Coder-7B-Instruct": "logs/models/tiny-qwen",
    "--gpus 8": "--gpus 0",
    "configs/agent/mini_xml.yaml": "mini_xml.yaml",
}
HELD_OUT = f"logs/model_evaluation/{RUN}/dataset.json"


def read(folder: Path, name: str = REPORT) -> Any:
    return json.loads((folder / name).read_text())


def configure(folder: Path, **evaluation: Any) -> None:
    config = workflows.read_config(folder)
    training = yaml.safe_load((workflows.ROOT / "configs/train/tiny_cpu.yml").read_text())
    training |= {"epochs": 1, "batch_size": 1, "gradient_accumulation_steps": 1}
    (folder / "train.yml").write_text(yaml.safe_dump(training))
    config["environments"] = {"training": {"python": str(training_python())}}
    config["runs"][RUN] |= {"training": {"config": "train.yml"}, "model_evaluation": evaluation}
    config["runs"][RUN]["sft"]["validation_share"] = 0.4
    workflows.write_config(folder, config)


@pytest.fixture(scope="module")
def evaluated_line(finished_line: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the tiny model was trained and tried once."""
    folder = tmp_path_factory.mktemp("evaluated") / "folder"
    workflows.copy_folder(finished_line, folder)
    configure(folder, max_tokens=16)
    done = workflows.snakemake(folder, REPORT)
    assert done.returncode == 0, done.stdout
    return folder


@pytest.fixture
def evaluated(evaluated_line: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "folder"
    workflows.copy_folder(evaluated_line, folder)
    return folder


@pytest.fixture
def servers() -> Iterator[dict[str, llm_server.ModelServer]]:
    with llm_server.serve() as base, llm_server.serve() as tuned:
        yield {"base": base, "tuned": tuned}


def solve(folder: Path) -> Any:
    """Return the answers of a model that undoes the bug it is told of, with calls in its text."""
    bugs = {row["problem_statement"].strip(): row["patch"] for row in read(folder, HELD_OUT)}

    def answer(body: Body) -> Message:
        turn = sum(message["role"] == "assistant" for message in body["messages"])
        task = agent_models.text(body["messages"][1])
        patch = next(patch for text, patch in bugs.items() if text in task)
        command = [f"git apply -R - <<'PATCH'\n{patch}PATCH", agent_models.SUBMIT][min(turn, 1)]
        return {"content": f"Step {turn}.\n\n<function=bash>\n<parameter=command>{command}</parameter>\n</function>"}

    return answer


def served(servers: dict[str, llm_server.ModelServer]) -> dict[str, Any]:
    return {side: {"model": "openai/mine", "api_base": f"{state.url}/v1"} for side, state in servers.items()}


def serve_both(folder: Path, servers: dict[str, llm_server.ModelServer]) -> None:
    """Let the trained model solve everything and the base model nothing."""
    servers["base"].answer = lambda _: {"content": "I do not know."}
    servers["tuned"].answer = solve(folder)
    configure(folder, **served(servers))
    config = workflows.read_config(folder)
    config["llm"] = {"price": [0, 0]}
    workflows.write_config(folder, config)


def test_a_model_of_random_weights_is_tried_to_the_end(evaluated_line: Path) -> None:
    report = read(evaluated_line)
    rows = (evaluated_line / f"trajectories_sft/{RUN}.train.xml.jsonl").read_text().splitlines()
    trained = {json.loads(row)["instance_id"] for row in rows}
    tried = {row["instance_id"] for row in report["each"]}
    assert tried and not tried & trained
    assert tried | trained == {row["instance_id"] for row in read(evaluated_line, dataset())}
    for side in ("base", "tuned"):
        found = report["models"][side]
        assert found["answers"] >= len(tried) and found["tokens_written"] > 0
        assert (found["valid_actions"], found["resolved"]) == (0, 0)
        assert found["exit_statuses"] == {"exit_format": len(tried)}
    assert report["gained"] == report["lost"] == []


def dataset() -> str:
    return f"logs/agent_datasets/{tiny.REPO}_final.json"


def test_a_second_evaluation_has_nothing_to_do_and_the_server_is_gone(evaluated: Path) -> None:
    assert "Nothing to be done" in workflows.snakemake(evaluated, REPORT).stdout
    found = subprocess.run(["pgrep", "-af", "model_server.py"], capture_output=True, text=True, check=False).stdout
    assert RUN not in found


def test_servers_of_the_users_are_asked_and_nothing_is_started(
    evaluated: Path, servers: dict[str, llm_server.ModelServer]
) -> None:
    serve_both(evaluated, servers)
    done = workflows.snakemake(evaluated, REPORT)
    assert done.returncode == 0, done.stdout
    report = read(evaluated)
    count = report["instances"]
    base, tuned = report["models"]["base"], report["models"]["tuned"]
    assert (base["resolve_rate"], base["valid_action_rate"]) == (0, 0)
    assert (tuned["resolve_rate"], tuned["valid_action_rate"], tuned["valid_actions"]) == (1, 1, 2 * count)
    assert tuned["exit_statuses"] == {"submitted": count}
    assert report["gained"] == [row["instance_id"] for row in report["each"]]
    assert len({body["seed"] for state in servers.values() for _, body in state.calls}) == 2


def test_a_killed_evaluation_goes_on_and_asks_nothing_twice(
    evaluated: Path, servers: dict[str, llm_server.ModelServer]
) -> None:
    serve_both(evaluated, servers)
    count = len(read(evaluated, HELD_OUT))
    command = workflows.command(evaluated, REPORT, cores=1)
    process = subprocess.Popen(
        command, env=workflows.environment(evaluated), text=True, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    )
    workflows.wait_for(lambda: servers["tuned"].answered > 1 or process.poll() is not None)
    assert process.poll() is None
    workflows.kill_tree(process)
    done = workflows.snakemake(evaluated, REPORT)
    assert done.returncode == 0, done.stdout
    assert read(evaluated)["models"]["tuned"]["resolved"] == count
    assert servers["tuned"].answered <= 2 * count + 1


def test_another_checkpoint_is_asked_anew(evaluated: Path, servers: dict[str, llm_server.ModelServer]) -> None:
    serve_both(evaluated, servers)
    assert workflows.snakemake(evaluated, REPORT).returncode == 0
    asked = {side: state.answered for side, state in servers.items()}
    config = yaml.safe_load((evaluated / "train.yml").read_text()) | {"clip_grad_norm": 0.5}
    (evaluated / "train.yml").write_text(yaml.safe_dump(config))
    done = workflows.snakemake(evaluated, REPORT)
    assert done.returncode == 0, done.stdout
    assert servers["base"].answered == asked["base"]
    assert servers["tuned"].answered == 2 * asked["tuned"]


def test_the_examples_of_the_reference_work_as_they_stand(evaluated: Path) -> None:
    guide_runs.make_a_clone(evaluated)
    (evaluated / ".venv-training").symlink_to(training_python().parents[1])
    (evaluated / "mini_xml.yaml").symlink_to(workflows.ROOT / "configs/agent/mini_xml.yaml")
    before = read(evaluated)
    others = {"demo": RUN, ".json\n": ".json --configfile mine.yaml\n"}
    [block] = guide_runs.fenced("docs/training.md", "# Training\n")[:1]
    guide_runs.run(evaluated, block, others)
    guide_runs.run_examples(evaluated, EXAMPLES, NAMES)
    assert read(evaluated)["models"] == before["models"]


def test_a_mix_of_runs_is_trained_as_one(evaluated: Path) -> None:
    config = workflows.read_config(evaluated)
    config["runs"]["second"] = config["runs"][RUN]
    mix = {"runs": [RUN, "second"], "sft": config["runs"][RUN]["sft"], "training": config["runs"][RUN]["training"]}
    workflows.write_config(evaluated, config | {"mixes": {"both": mix}})
    done = workflows.snakemake(evaluated, "outputs/both/manifest.json")
    assert done.returncode == 0, done.stdout
    lines = (evaluated / "trajectories_sft/both.train.xml.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    assert {row["tracesmith"]["run_id"] for row in rows} == {RUN, "second"}
    assert read(evaluated, "outputs/both/manifest.json")["steps"] == len(rows)


def test_the_report_shows_a_training_and_never_asks_for_one(evaluated: Path) -> None:
    page = f"reports/{RUN}.html"
    assert workflows.planned(evaluated, page) == {"report_run"}
    done = workflows.snakemake(evaluated, page)
    assert done.returncode == 0, done.stdout
    assert "The trained model beside its base" in (evaluated / page).read_text()
    assert "Nothing to be done" in workflows.snakemake(evaluated, page).stdout
    (evaluated / f"outputs/{RUN}/manifest.json").unlink()
    config = yaml.safe_load((evaluated / "train.yml").read_text()) | {"seed": 26}
    (evaluated / "train.yml").write_text(yaml.safe_dump(config))
    assert workflows.planned(evaluated, page) == set()
