"""Real mini-swe-agent on the tiny package, in real sandboxes, with a scripted model behind a real HTTP server."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import agent_models
import agent_runs
import llm_server
import tiny
import workflows
from agent_runs import ROOT, AgentRun
from llm_server import Body, ModelServer
from tracesmith.agents import actions, running
from tracesmith.errors import IncompleteError
from tracesmith.llm.settings import Settings
from tracesmith.pool import Share
from tracesmith.sft import conversion

pytest.importorskip("minisweagent", reason="missing: mini-swe-agent, of envs/pipeline.txt")
pytestmark = [pytest.mark.sandbox, pytest.mark.network]
LIMITS = {"calls": 7, "wall_s": 600, "command_s": 30}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with llm_server.serve_with_keys(monkeypatch) as state:
        state.answer = agent_models.answer
        yield state


@pytest.fixture
def made(tiny_environment: Path, server: ModelServer, tmp_path: Path) -> AgentRun:
    return agent_runs.make(tmp_path, tiny_environment, server, limits=LIMITS)


def rows_of(made: AgentRun, prompt: str, style: str = "xml") -> dict[str, list[dict[str, str]]]:
    """Convert a run's trajectories and return the messages of each behaviour."""
    output = made.folder / f"rows.{style}.jsonl"
    settings = conversion.Settings(style, ROOT / "configs" / "agent" / prompt)
    conversion.convert_trajectories(made.output.parent, output, settings)
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    return {row["instance_id"].removeprefix(f"{tiny.REPO}."): row["messages"] for row in rows}


def test_every_agent_ends_with_the_status_of_its_end(
    tiny_environment: Path, server: ModelServer, tmp_path: Path
) -> None:
    made = agent_runs.make(tmp_path, tiny_environment, server, limits={**LIMITS, "command_s": 2})
    wrong = ["talks", "malformed", "other_tool", "many_calls", "writes_nul", "writes_half"]
    done = made.run("solves", "gives_up", "touches_and_loops", "waits", "learns", *wrong)
    assert done.returncode == 0, done.stderr
    assert made.statuses() == {
        **dict.fromkeys(["solves", "gives_up", "waits", "learns"], "submitted"),
        "touches_and_loops": "submitted (exit_calls)",
        **dict.fromkeys(wrong, "exit_format"),
    }
    patches = made.patches()
    assert {name for name, patch in patches.items() if f"+    if (last !== undefined && {tiny.FIXED})" in patch} == {
        *("solves", "touches_and_loops", "learns"),
    }
    assert "8 of 11 instances have an empty patch" in done.stderr
    assert "gives_up: submitted, no change, 2 calls, " in done.stderr
    assert "forecast" in done.stderr
    assert "limit" in made.trajectory("waits")["trajectory"][0]["observation"]
    assert [step["action"] for step in made.trajectory("learns")["trajectory"]][:2] == ["", agent_models.SOLVE[0]]
    rows = rows_of(made, "xml_bash.yaml")
    assert set(rows) == {"solves", "gives_up", "touches_and_loops", "waits", "learns"}
    for name, messages in rows.items():
        turns = [message["content"] for message in messages if message["role"] == "assistant"]
        executed = [step["action"] for step in made.trajectory(name)["trajectory"] if step["action"]]
        calls = [actions.parse(turn)[1] for turn in turns]
        assert [call.arguments for call in calls] == [{"command": command} for command in executed]
        assert {call.name for call in calls} == {"bash"}
    for path in made.folder.rglob("*"):
        assert not path.is_file() or llm_server.KEY.encode() not in path.read_bytes()


def test_a_model_that_writes_its_calls_into_its_text_is_understood(
    tiny_environment: Path, server: ModelServer, tmp_path: Path
) -> None:
    made = agent_runs.make(tmp_path, tiny_environment, server, limits=LIMITS, calls="xml")
    done = made.run("works_with_words", "talks")
    assert done.returncode == 0, done.stderr
    assert made.statuses() == {"works_with_words": "submitted", "talks": "exit_format"}
    assert not any("tools" in body for _, body in server.calls)
    (turns,) = rows_of(made, "xml_bash.yaml").values()
    assert turns[2]["content"].startswith("Turn 0.\n\n<function=bash>")


def refuses(body: Body) -> str:
    """Refuse the agents that are named after a refusal and the number of answers they get before it."""
    fault, _, before = agent_models.behaviour(body).partition("_after_")
    turn = sum(message["role"] == "assistant" for message in body["messages"])
    return fault if before and turn >= int(before) else "ok"


def test_a_refused_conversation_and_a_broken_workspace_are_ends(made: AgentRun, server: ModelServer) -> None:
    server.fault_of = refuses
    names = ["context_after_0", "context_after_1", "context_after_2", "policy_after_1", "policy_after_2"]
    done = made.run(*names, "breaks_git", "fills")
    assert done.returncode == 0, done.stderr
    assert made.statuses() == {
        "context_after_0": "exit_context",
        "context_after_1": "exit_context",
        "context_after_2": "submitted (exit_context)",
        "policy_after_1": "exit_refused",
        "policy_after_2": "submitted (exit_refused)",
        "breaks_git": "submitted",
        "fills": "exit_patch_size",
    }
    changed = {name for name, patch in made.patches().items() if patch}
    assert changed == {"context_after_2", "policy_after_2", "breaks_git"}
    assert all(tiny.FIXED in made.patches()[name] for name in changed)
    for name in names:
        info, steps = made.trajectory(name)["info"], made.trajectory(name)["trajectory"]
        assert len(steps) == int(name[-1]) == info["model_stats"]["api_calls"]
        assert "refuses the prompt" in info["engine_exit_status"]
    assert "larger" in made.trajectory("fills")["info"]["submission_error"]
    rows = rows_of(made, "xml_bash.yaml")
    assert set(rows) == {*names, "breaks_git", "fills"} - {"context_after_0"}
    dropped = json.loads((made.folder / "rows.xml.jsonl.meta.json").read_text())["dropped"]
    assert dropped == [{"instance_id": f"{tiny.REPO}.context_after_0", "reason": "no_assistant_turn"}]
    before = len(server.calls)
    assert made.run(*names, "breaks_git", "fills").returncode == 0
    assert len(server.calls) == before


def test_a_models_faults_are_survived_and_what_is_no_verdict_is_run_again(made: AgentRun, server: ModelServer) -> None:
    server.faults = ["429", "cut", "ok", "drop", "500"]
    server.headers = {"Retry-After": "0"}
    assert made.run("solves").returncode == 0
    server.faults = ["ok", "429"]
    dataset = agent_models.write_dataset(made.folder / "dataset.json", "solves", "gives_up")
    plan = running.Plan("mini", made.config, Share(1), memory_bytes=2**31)
    impatient = Settings("openai/gpt-4o-mini", made.folder / "llm", f"{server.url}/v1", attempts=1)
    with pytest.raises(IncompleteError, match="1 of 2 instances have no verdict"):
        running.run(dataset, made.environment, plan, made.output, lambda *_: impatient)
    assert made.statuses() == {"solves": "submitted", "gives_up": "exit_error"}
    assert "gives_up" not in made.patches()
    server.faults = []
    before = server.answered
    done = made.run("solves", "gives_up")
    assert done.returncode == 0, done.stderr
    assert made.statuses() == {"solves": "submitted", "gives_up": "submitted"}
    assert server.answered - before == 1


def test_what_was_killed_goes_on_without_a_call_paid_twice(made: AgentRun, server: ModelServer) -> None:
    server.delay_s = 0.5
    process = subprocess.Popen(made.command("solves", "gives_up"), stderr=subprocess.DEVNULL)
    workflows.wait_for(lambda: server.answered >= 6)
    workflows.kill_tree(process)
    under_way = server.under_way
    server.delay_s = 0
    seen = made.trajectory("solves")["trajectory"]
    assert made.trajectory("solves")["info"]["exit_status"] is None
    done = made.run("solves", "gives_up")
    assert done.returncode == 0, done.stderr
    assert made.statuses() == {"solves": "submitted", "gives_up": "submitted"}
    assert [step["observation"] for step in made.trajectory("solves")["trajectory"]][: len(seen)] == [
        step["observation"] for step in seen
    ]
    assert sum(made.paid().values()) - len(made.paid()) <= under_way
    assert server.answered <= 7 + under_way
    before = server.answered
    assert made.run("solves", "gives_up").returncode == 0
    assert server.answered == before
    assert workflows.processes_of(made.folder) == []


def test_redone_instances_get_new_answers_and_samples_their_own(made: AgentRun, server: ModelServer) -> None:
    assert made.run("solves", "gives_up").returncode == 0
    before = server.answered
    done = made.run("solves", "gives_up", more=("--redo-failed",))
    assert done.returncode == 0, done.stderr
    assert server.answered - before == 2
    assert made.run("solves", "gives_up", more=("--redo", f"{tiny.REPO}.solves")).returncode == 0
    assert server.answered - before == 7
    other = AgentRun(made.folder, made.environment, server, made.config)
    (made.folder / "run").rename(made.folder / "first")
    assert other.run("gives_up", more=("--sample", "2")).returncode == 0
    assert server.answered - before == 9


def test_a_cap_ends_the_run_and_a_higher_one_goes_on(made: AgentRun) -> None:
    done = made.run("solves", "gives_up", more=("--stage-max-cost", "0.0003"))
    assert done.returncode == 1
    assert "the cost cap of stage run_agent/run is reached" in done.stderr
    assert not made.output.exists()
    assert made.run("solves", "gives_up").returncode == 0
    assert max(made.paid().values()) == 1


def test_limits_of_money_steps_and_time_end_an_agent(
    tiny_environment: Path, server: ModelServer, tmp_path: Path
) -> None:
    for name, limit, status in (
        ("money", {"cost_usd": 0.0004}, "exit_cost"),
        ("steps", {"steps": 2}, "exit_steps"),
        ("time", {"wall_s": 3}, "exit_total_execution_time"),
    ):
        folder = tmp_path / name
        folder.mkdir()
        made = agent_runs.make(folder, tiny_environment, server, limits=limit)
        done = made.run("waits" if name == "time" else "touches_and_loops")
        said = status if name == "time" else f"submitted ({status})"
        assert set(made.statuses().values()) == {said}, done.stderr
        if name == "time":
            assert done.returncode == 1
            assert "every instance failed" in done.stderr


def test_bad_input_is_refused_before_any_call(
    made: AgentRun, server: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert made.run("gives_up").returncode == 0
    before = len(server.calls)
    cases = [
        (made.run("solves"), "it is the folder of another dataset"),
        (made.run("gives_up", more=("--redo", "x")), "--redo x: no such instance"),
        (made.run("gives_up", engine="other"), "invalid choice: 'other'"),
        (made.run("gives_up", engine="oracle"), "the engine oracle has 'str_replace_editor' as well"),
    ]
    made.config.write_text(made.config.read_text().replace("- bash", "- editor"))
    cases.append((made.run("gives_up"), "'editor' is no tool of the engine mini; it has: bash"))
    made.config.write_text(made.config.read_text().replace("- editor", "- bash"))
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    cases.append((made.run("gives_up", more=("--model", "anthropic/claude-sonnet-4-5")), "ANTHROPIC_API_KEY"))
    for done, said in cases:
        assert (done.returncode, said in done.stderr) == (2, True), done.stderr
    assert len(server.calls) == before


@pytest.mark.docker
def test_an_image_that_the_engine_has_not_is_told_before_any_call(
    tiny_environment: Path, server: ModelServer, tmp_path: Path
) -> None:
    missing = f"sha256:{'0' * 64}"
    known = json.loads(tiny_environment.read_text()) | {"backend": "docker", "image": missing, "tree": None}
    environment = tiny_environment.with_name("environment_without_image.json")
    environment.write_text(json.dumps(known))
    done = agent_runs.make(tmp_path, environment, server, limits=LIMITS).run("solves")
    assert done.returncode == 2
    assert f"the engine has no image {missing}; run build_environment again" in done.stderr
    assert server.calls == []


def test_twenty_workers_work_at_once(made: AgentRun, server: ModelServer) -> None:
    server.delay_s = 1
    names = [f"solves_{number}" for number in range(24)]
    done = made.run(*names, more=("--workers", "20"))
    assert done.returncode == 0, done.stderr
    assert made.statuses() == dict.fromkeys(names, "submitted")
    assert len(set(made.patches().values())) == 1
    assert server.most_at_once > 10
    assert set(made.paid().values()) == {1}
