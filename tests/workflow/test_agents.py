"""The line with mini-swe-agent in it: from the dataset to evaluated, converted and filtered rows, paid for once."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import agent_models
import llm_server
import tiny
import workflows
from llm_server import ModelServer

pytest.importorskip("minisweagent", reason="missing: mini-swe-agent, of envs/pipeline.txt")
RUN = "tiny-mini"
DATASET = f"logs/agent_datasets/{tiny.REPO}_final.json"
ROWS = f"trajectories_sft/{RUN}.resolved_only.xml.jsonl"
SECOND = f"trajectories/local/{RUN}.s2/preds.json"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with llm_server.serve_with_keys(monkeypatch) as state:
        yield state


def configure(folder: Path, server: ModelServer, **agent: object) -> None:
    """Add a run of mini-swe-agent."""
    config = workflows.read_config(folder)
    config["llm"] = {"model": "openai/gpt-4o-mini", "api_base": f"{server.url}/v1"}
    config["runs"][RUN] = {"repo": "tiny", "agent": {"engine": "mini", **agent}}
    workflows.write_config(folder, config)


@pytest.mark.sandbox
@pytest.mark.network
def test_an_agent_with_a_model_makes_rows_and_is_paid_for_once(line: Path, server: ModelServer) -> None:
    instances = json.loads((line / DATASET).read_text())
    server.answer = agent_models.undoing(line / DATASET)
    configure(line, server, workers=4, samples=2)
    done = workflows.snakemake(line, ROWS, SECOND)
    assert done.returncode == 0, done.stdout
    rows = [json.loads(text) for text in (line / ROWS).read_text().splitlines()]
    assert rows
    assert {row["tracesmith"]["engine"] for row in rows} == {"mini"}
    assert {row["model"] for row in rows} == {"openai/gpt-4o-mini"}
    assert all("FUNCTION #1: bash" in row["messages"][0]["content"] for row in rows)
    assert all("FUNCTION #2" not in row["messages"][0]["content"] for row in rows)
    assert set(json.loads((line / SECOND).read_text())) == {row["instance_id"] for row in instances}
    paid = server.answered
    assert paid == 4 * len(instances)
    assert "Nothing to be done" in workflows.snakemake(line, ROWS, SECOND).stdout
    workflows.forget(line, [ROWS, f"trajectories/local/{RUN}/preds.json"])
    assert workflows.snakemake(line, ROWS).returncode == 0
    assert server.answered == paid


def test_a_run_that_asks_a_model_needs_one(tmp_path: Path, server: ModelServer) -> None:
    workflows.make_folder(tmp_path)
    configure(tmp_path, server)
    config = workflows.read_config(tmp_path)
    del config["llm"]
    workflows.write_config(tmp_path, config)
    done = workflows.snakemake(tmp_path, "-n")
    assert done.returncode == 1
    assert f"runs.{RUN}: agent.engine mini asks a model: set model there, or llm.model" in done.stdout


def test_a_sample_is_a_run_of_its_own(tmp_path: Path, server: ModelServer) -> None:
    workflows.make_folder(tmp_path)
    configure(tmp_path, server, samples=2)
    done = workflows.snakemake(tmp_path, "-n", "-p", SECOND)
    assert done.returncode == 0, done.stdout
    assert "--sample 2" in done.stdout
    config = workflows.read_config(tmp_path)
    config["runs"][f"{RUN}.s2"] = {"repo": "tiny"}
    workflows.write_config(tmp_path, config)
    done = workflows.snakemake(tmp_path, "-n")
    assert f"config: key runs.{RUN}.s2: it is the name of a sample of runs.{RUN}" in done.stdout
