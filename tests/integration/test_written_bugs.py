"""Bugs that a model writes, from a real HTTP server, into a real package whose own TypeScript screens them."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import bug_answers
import llm_server
import tiny
import workflows
from llm_server import Body, Message, ModelServer
from tracesmith import files

pytestmark = [pytest.mark.sandbox, pytest.mark.network]
SCRIPT = tiny.REPOSITORY / "scripts" / "write_bugs.py"
PROMPTS = {
    "llm_modify": tiny.REPOSITORY / "configs/bug_gen/ts_modify.yml",
    "llm_rewrite": tiny.REPOSITORY / "configs/bug_gen/ts_rewrite.yml",
}
FUNCTIONS = 5
"""merge, coverage, wrap, slug and shorten; contains is too short."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with llm_server.serve_with_keys(monkeypatch) as state:
        state.answer = bug_answers.with_a_mistake
        yield state


def command(environment: Path, folder: Path, server: ModelServer, *flags: str, method: str = "llm_modify") -> list[str]:
    """Return the command of the script; flags come last, so that they win."""
    words = [sys.executable, str(SCRIPT), str(environment), "--method", method, "--prompt", str(PROMPTS[method])]
    words += ["--profile", str(tiny.write_profile(folder)), "--model", "openai/gpt-4o-mini"]
    words += ["--api-base", f"{server.url}/v1", "--answers", str(folder / "llm")]
    return [*words, "--output", str(folder / f"bugs/{method}.json"), *flags]


def run(words: list[str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(words, capture_output=True, text=True, check=False)


def written(folder: Path, method: str = "llm_modify") -> dict[str, Any]:
    """Return the summary, checked against the files beside it."""
    summary: dict[str, Any] = json.loads((folder / f"bugs/{method}.json").read_text())
    funnel = summary["funnel"]
    assert funnel["in"] == funnel["out"] + sum(funnel["dropped"].values())
    assert (funnel["out"], funnel["in"] - funnel["out"]) == (len(summary["candidates"]), len(summary["refused"]))
    listed = {row[key] for row in summary["candidates"] for key in ("diff", "metadata")}
    listed |= {row["answer"] for row in summary["refused"]}
    found = {path.relative_to(folder / "bugs").as_posix() for path in (folder / "bugs").glob("*/*/*")}
    assert found == listed
    return summary


def test_answers_become_patches_with_swe_smiths_metadata(
    tiny_environment: Path, server: ModelServer, tmp_path: Path
) -> None:
    done = run(command(tiny_environment, tmp_path, server))
    assert done.returncode == 0, done.stderr
    summary = written(tmp_path)
    assert summary["functions"] == {"found": FUNCTIONS, "asked": FUNCTIONS}
    assert summary["funnel"]["out"] == FUNCTIONS
    for row in summary["candidates"]:
        patch = (tmp_path / "bugs" / row["diff"]).read_text()
        assert row["instance_id"] == f"{tiny.REPO}.lm_modify__{files.short_hash(patch)}"
        metadata = json.loads((tmp_path / "bugs" / row["metadata"]).read_text())
        assert list(metadata) == ["cost", "explanation", "output", "rewrite", "strategy"]
        assert metadata["cost"] > 0 and metadata["strategy"] == "lm_modify"
        assert metadata["explanation"] == "one thing is wrong."
        assert "Bugged Code" in metadata["output"] and "Bugged Code" not in metadata["rewrite"]
    assert llm_server.KEY not in "".join(path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    collected = tmp_path / "all.json"
    script = tiny.REPOSITORY / "scripts" / "collect_patches.py"
    done = run(
        [
            sys.executable,
            str(script),
            str(tmp_path / "bugs/llm_modify.json"),
            "--repo",
            tiny.REPO,
            "--output",
            str(collected),
        ]
    )
    assert done.returncode == 0, done.stderr
    assert len(json.loads(collected.read_text())) == FUNCTIONS


def test_refused_answers_are_counted_and_kept_with_the_reason(
    tiny_environment: Path, server: ModelServer, tmp_path: Path
) -> None:
    def answer(body: Body) -> Message:
        said = body["messages"][-1]["content"]
        message = bug_answers.with_a_mistake(body)
        if "function merge" in message["content"]:
            return message
        if "function coverage" in message["content"]:
            return {"content": message["content"].replace("let total = 0", 'let total: string = 0 || ""')}
        if "function wrap" in message["content"]:
            return {
                "content": "```ts\n" + said.split("```ts\n")[2].replace('let line = "";', 'let line = ("" as string);')
            }
        return {
            "content": message["content"].replace("title: string", "title: any").replace("limit: number", "limit: any")
        }

    server.answer = answer
    done = run(command(tiny_environment, tmp_path, server, "--n-bugs", "2"))
    assert done.returncode == 0, done.stderr
    summary = written(tmp_path)
    assert summary["funnel"] == {
        "in": 10,
        "out": 1,
        "dropped": {"does_not_compile": 1, "duplicate": 3, "same_javascript": 1, "signature_changed": 4},
    }
    refused = [json.loads((tmp_path / "bugs" / row["answer"]).read_text()) for row in summary["refused"]]
    assert all(one["reason"] and one["output"] and one["cost"] > 0 for one in refused)


def test_any_number_of_calls_at_once_and_of_shards_gives_the_same_bytes(
    tiny_environment: Path, server: ModelServer, tmp_path: Path
) -> None:
    made, answered = [], [0]
    for calls, shards in (("1", 0), ("8", 0), ("2", 3)):
        folder = tmp_path / calls
        folder.mkdir()
        flags = ["--calls", calls, "--n-bugs", "2", "--max-bugs", "3"]
        words = command(tiny_environment, folder, server, *flags)
        asking = [subprocess.Popen([*words, "--shard", f"{number + 1}/{shards}"]) for number in range(shards)]
        assert [one.wait() for one in asking] == [0] * shards
        assert server.answered - sum(answered) == min(shards, 3), "shards ask for the first wave"
        assert not (folder / "bugs").exists()
        done = run(words)
        assert done.returncode == 0, done.stderr
        made.append({path.name: path.read_bytes() for path in (folder / "bugs").rglob("*") if path.is_file()})
        answered.append(server.answered - sum(answered))
    assert made[0] == made[1] == made[2]
    assert answered[1] == answered[2] == answered[3] > 3, "nor do more calls at once, or shards, pay for more"


def test_no_more_is_asked_than_bugs_are_wanted(tiny_environment: Path, server: ModelServer, tmp_path: Path) -> None:
    done = run(command(tiny_environment, tmp_path, server, "--max-bugs", "2", "--calls", "8"))
    assert done.returncode == 0, done.stderr
    assert server.answered == len(written(tmp_path)["candidates"]) == 2


def test_functions_are_written_anew_from_the_rest_of_their_file(
    tiny_environment: Path, server: ModelServer, tmp_path: Path
) -> None:
    done = run(command(tiny_environment, tmp_path, server, method="llm_rewrite"))
    assert done.returncode == 0, done.stderr
    summary = written(tmp_path, "llm_rewrite")
    assert {row["strategy"] for row in summary["candidates"]} == {"lm_rewrite"}
    assert summary["funnel"]["out"] == FUNCTIONS
    prompts = [body["messages"][-1]["content"] for _, body in server.calls]
    assert all(prompt.count(bug_answers.TODO) == 2 for prompt in prompts)
    assert {body["temperature"] for _, body in server.calls} == {0.0}


def test_a_run_killed_in_the_midst_pays_for_what_is_missing(
    tiny_environment: Path, server: ModelServer, tmp_path: Path
) -> None:
    server.delay_s = 0.5
    words = command(tiny_environment, tmp_path, server, "--calls", "1")
    process = subprocess.Popen(words, stderr=subprocess.DEVNULL, text=True)
    workflows.wait_for(lambda: len(list((tmp_path / "llm/answers").glob("*/*/entry.json"))) >= 2)
    workflows.kill_tree(process)
    stored = len(list((tmp_path / "llm/answers").glob("*/*/entry.json")))
    server.delay_s = 0
    done = run(words)
    assert done.returncode == 0, done.stderr
    assert len(written(tmp_path)["candidates"]) == FUNCTIONS
    assert stored >= 2
    assert FUNCTIONS <= server.answered <= FUNCTIONS + 1, "one call may have been under way"
    before = server.answered
    summary = (tmp_path / "bugs/llm_modify.json").read_bytes()
    assert run(words).returncode == 0
    assert server.answered == before
    assert (tmp_path / "bugs/llm_modify.json").read_bytes() == summary


def test_a_cap_stops_the_stage_and_a_higher_one_goes_on(
    tiny_environment: Path, server: ModelServer, tmp_path: Path
) -> None:
    price = ["--price", "0", "100"]  # a call of the server writes 100 tokens: 0.01 USD
    done = run(command(tiny_environment, tmp_path, server, *price, "--stage-max-cost", "0.02", "--calls", "4"))
    assert done.returncode == 1
    assert f"the cost cap of stage write_bugs/{tiny.REPO} is reached" in done.stderr
    assert server.answered <= 3
    assert not (tmp_path / "bugs").exists()
    done = run(command(tiny_environment, tmp_path, server, *price, "--stage-max-cost", "1"))
    assert done.returncode == 0, done.stderr
    assert server.answered == FUNCTIONS
    assert written(tmp_path)["cost_usd"] == 0.05


def test_a_server_that_misbehaves_costs_time_and_no_answer(
    tiny_environment: Path, server: ModelServer, tmp_path: Path
) -> None:
    server.faults = ["429", "500", "cut", "json", "context"]
    server.headers = {"Retry-After": "0.1"}
    done = run(command(tiny_environment, tmp_path, server, "--calls", "1"))
    assert done.returncode == 0, done.stderr
    assert written(tmp_path)["funnel"] == {"in": FUNCTIONS, "out": FUNCTIONS - 1, "dropped": {"prompt_refused": 1}}


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--model", "nobody/nothing"], "litellm knows no such model"),
        (["--model", "openai/never-heard-of"], "litellm has no price of it"),
        (["--max-bugs", "0"], "'0' is not a whole number above 0"),
        (["--prompt", "PROMPT"], "prompt.yml line 3: key instance: wanted is string"),
        (["--profile", "PROFILE"], "no function of 4 to 300 lines in the 0 files of the globs other/**"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_asked(
    flags: list[str], said: str, tiny_environment: Path, server: ModelServer, tmp_path: Path
) -> None:
    (tmp_path / "prompt.yml").write_text("name: x\nsystem: s\ninstance: 7\n")
    profile = tiny.write_profile(tmp_path).read_text()
    (tmp_path / "other.yaml").write_text(profile.replace("src/**/*.ts", "other/**"))
    names = {"PROMPT": str(tmp_path / "prompt.yml"), "PROFILE": str(tmp_path / "other.yaml")}
    done = run(command(tiny_environment, tmp_path, server, *(names.get(word, word) for word in flags)))
    assert done.returncode == 2
    assert said in done.stderr
    assert server.calls == []
    assert not (tmp_path / "bugs").exists()


def test_a_missing_key_is_named_before_anything_is_asked(
    tiny_environment: Path, server: ModelServer, tmp_path: Path
) -> None:
    words = command(tiny_environment, tmp_path, server, "--model", "anthropic/claude-sonnet-4-5")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("ANTHROPIC")}
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 2
    assert "no key in the environment; set ANTHROPIC_API_KEY" in done.stderr
    assert server.calls == []


def test_answers_of_which_none_is_a_bug_are_an_error_with_their_counts(
    tiny_environment: Path, server: ModelServer, tmp_path: Path
) -> None:
    server.answer = lambda body: {"content": f"no, for {len(body)} reasons"}
    done = run(command(tiny_environment, tmp_path, server))
    assert done.returncode == 2
    assert f"none of {FUNCTIONS} answers of openai/gpt-4o-mini is a bug (no_code: {FUNCTIONS})" in done.stderr
    assert not (tmp_path / "bugs/llm_modify.json").exists()
    kept = [json.loads(path.read_text()) for path in (tmp_path / "bugs").glob("*/*/refused__lm_modify__*.json")]
    assert [one["output"] for one in kept] == ["no, for 3 reasons"] * FUNCTIONS
