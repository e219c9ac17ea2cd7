"""Issue texts with a script that shows the bug, run in real sandboxes on both trees."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

import issue_files
import llm_server
import tiny
import workflows
from llm_server import Body, Message, ModelServer

pytestmark = [pytest.mark.sandbox, pytest.mark.network]
TEXT = "merge() leaves intervals apart that touch\n\nI expected one interval, from 0 to 4, but I get two.\n\n"
SHOWS = """import assert from "node:assert/strict";
import { type Interval, merge } from "./src/intervals";

const given: Interval[] = [{ start: 0, end: 2 }, { start: 2, end: 4 }];
assert.deepEqual(merge(given), [{ start: 0, end: 4 }]);
"""
SCRIPTS = {
    "shows": SHOWS,
    "waits": SHOWS.replace("assert.deepEqual(", "if (merge(given).length > 1) for (;;) given.sort();\nassert.ok("),
    "always_fails": 'import { merge } from "./src/interval.js";\nmerge([]);\n',
    "never_fails": 'import { merge } from "./src/intervals.js";\nmerge([]);\n',
    "learns": "",
}
REASONS = {
    "always_fails": "script_fails_without_bug",
    "never_fails": "script_passes_with_bug",
    "no_script": "no_script",
}


def answer(body: Body) -> Message:
    texts = [message["content"] for message in body["messages"]]
    name = next(name for name in (*SCRIPTS, "no_script") if f"{tiny.REPO}.{name} " in "".join(texts))
    if name == "learns":
        good = "must end well" in texts[-1]
        return {"content": f"{TEXT}```ts\n{SHOWS if good else SCRIPTS['always_fails']}```\n"}
    return {"content": TEXT if name == "no_script" else f"{TEXT}```ts\n{SCRIPTS[name]}```\n"}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with llm_server.serve_with_keys(monkeypatch) as state:
        state.answer = answer
        yield state


def test_only_scripts_that_tell_the_trees_apart_are_taken(
    tiny_environment: Path, server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = issue_files.write(tmp_path, server, [*SCRIPTS, "no_script"], tiny_environment)
    shards = [["--workers", "1", "--shard", f"{number}/2"] for number in (1, 2)]
    asking = [subprocess.Popen(made.command(*flags, mode="tests")) for flags in shards]
    assert [one.wait() for one in asking] == [0, 0]
    stores = [tmp_path / "issue_gen" / tiny.REPO / "scripts"]
    tried, asked = workflows.finished_entries(stores), len(server.calls)
    assert not made.output("tests").exists()
    done = made.run("--workers", "2", mode="tests")
    assert done.returncode == 0, done.stderr
    assert workflows.finished_entries(stores) == tried, "no script is run again"
    assert len(server.calls) == asked
    summary = made.summary("tests")
    names = [row["instance_id"].removeprefix(f"{tiny.REPO}.") for row in summary["issues"]]
    assert names == ["shows", "waits", "learns"]
    assert SHOWS in summary["issues"][0]["problem_statement"]
    assert summary["issues"][2]["checks"]["attempts"] == 2
    reasons = {row["instance_id"].removeprefix(f"{tiny.REPO}."): row["reason"] for row in summary["rejected"]}
    assert reasons == REASONS


def test_an_environment_with_an_old_node_is_refused_before_any_call(server: ModelServer, tmp_path: Path) -> None:
    made = issue_files.write(tmp_path, server, ["shows"])
    made.environment.write_text(made.environment.read_text().replace("v24.19.0", "v20.11.1"))
    done = made.run(mode="tests")
    assert done.returncode == 2
    assert "need Node 22.15 or newer, this has v20.11.1" in done.stderr
    assert not server.calls
