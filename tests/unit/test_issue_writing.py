"""The stage write_issues with a model: a real server, real processes, one of them killed."""

import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import issue_files
import llm_server
import tiny
from issue_files import Files
from llm_server import Body, Message, ModelServer
from tracesmith.errors import IncompleteError, InputError

GOOD = "merge() of {name} leaves intervals apart\n\nI get two intervals back where I expected one, from 0 to 4."
LEAK = "merge() of {name} is wrong, it should be\n\n    if (last !== undefined && start <= last.end) {{\n"
NAMES = ["good", "better", "leaks_once", "leaks", "names_a_test", "empty", "last", "very_last"]
REASONS = {"leaks": "quotes_the_patch", "names_a_test": "names_a_test", "empty": "empty"}


def answer(body: Body) -> Message:
    """Write as the instance's name says; one that leaks once writes well when it is told so."""
    texts = [message["content"] for message in body["messages"] if message["role"] == "user"]
    name = next(name for name in sorted(NAMES, key=len, reverse=True) if f"{tiny.REPO}.{name} " in "".join(texts))
    again = "This text cannot be used." in texts[-1]
    if name == "leaks" or (name == "leaks_once" and not again):
        return {"content": LEAK.format(name=name)}
    if name == "names_a_test":
        return {"content": f"{GOOD.format(name=name)} See intervals.spec.ts."}
    return {"content": " \n" if name == "empty" else GOOD.format(name=name)}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with llm_server.serve_with_keys(monkeypatch) as state:
        state.answer = answer
        yield state


@pytest.fixture
def made(tmp_path: Path, server: ModelServer) -> Files:
    return issue_files.write(tmp_path, server, NAMES)


def short(rows: list[dict[str, str]]) -> list[str]:
    return [row["instance_id"].removeprefix(f"{tiny.REPO}.") for row in rows]


def test_texts_are_kept_or_refused_with_their_reason_and_asked_for_once_more(made: Files) -> None:
    made.write()
    summary = made.summary()
    assert short(summary["issues"]) == [name for name in NAMES if name not in REASONS]
    assert {
        name: row["reason"] for name, row in zip(short(summary["rejected"]), summary["rejected"], strict=True)
    } == REASONS
    dropped = {"empty": 1, "names_a_test": 1, "quotes_the_patch": 1}
    assert summary["funnel"] == {"in": 8, "out": 5, "dropped": dropped}
    by_name = dict(zip(short(summary["issues"]), summary["issues"], strict=True))
    assert by_name["good"]["problem_statement"] == GOOD.format(name="good")
    assert by_name["good"]["checks"]["attempts"] == 1
    assert by_name["leaks_once"]["checks"] == {**by_name["good"]["checks"], "attempts": 2, "characters": 105}
    assert made.server.answered == len(NAMES) + 4, "one more try for each that was refused"
    assert summary["made_by"]["settings"] == {"mode": "llm", "seed": 24, "model": issue_files.MODEL}
    assert set(summary["made_by"]["inputs"]) == {"instances", "environment", "prompt", "demonstrations"}


def test_what_was_asked_and_answered_is_kept_as_swe_smith_keeps_it(made: Files) -> None:
    made.write()
    stored = made.stored("leaks_once")
    assert list(stored) == ["messages", "responses", "cost", "tracesmith"]
    assert [message["role"] for message in stored["messages"]] == ["system", "user", "user"]
    assert 'it("joins intervals that touch", () => {' in stored["messages"][-1]["content"]
    texts = stored["responses"][issue_files.MODEL]
    assert texts == [GOOD.format(name="leaks_once"), LEAK.format(name="leaks_once").strip()], (
        "the accepted text is first"
    )
    assert stored["cost"] == pytest.approx(2 * 0.01)
    assert stored["tracesmith"]["verdict"] == "accepted"
    assert [attempt["reason"] for attempt in stored["tracesmith"]["attempts"]] == ["quotes_the_patch", None]
    assert made.stored("leaks")["tracesmith"]["reason"] == "quotes_the_patch"


def test_the_second_try_is_told_what_was_wrong(made: Files) -> None:
    made.write(calls=1)
    again = [body for _, body in made.server.calls if "cannot be used" in body["messages"][-1]["content"]]
    assert {body["temperature"] for _, body in made.server.calls} == {0.0}
    assert [message["role"] for message in again[0]["messages"]] == ["system", "user", "user", "assistant", "user"]
    assert "quoted code of the patch" in again[0]["messages"][-1]["content"]
    assert [message["role"] for message in again[-1]["messages"]] == ["system", "user", "user", "user"], (
        "an empty answer"
    )


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_any_number_of_workers_gives_the_same_bytes_and_a_repeat_pays_nothing(made: Files) -> None:
    made.write(calls=8)
    written, asked = contents(made.folder / "issue_gen"), len(made.server.calls)
    made.write(calls=1)
    assert contents(made.folder / "issue_gen") == written
    assert len(made.server.calls) == asked
    made.write(calls=1, answers="other")
    assert contents(made.folder / "issue_gen") == written
    assert len(made.server.calls) == 2 * asked


def test_any_number_of_shards_gives_the_same_bytes_and_pays_for_no_more(made: Files) -> None:
    made.write()
    written, asked = contents(made.folder / "issue_gen"), len(made.server.calls)
    shutil.rmtree(made.folder / "issue_gen")
    for number in (3, 1, 2):
        made.write(answers="other", shard=(number, 3))
    assert not made.output().exists()
    assert len(made.server.calls) == 2 * asked
    made.write(answers="other")
    assert contents(made.folder / "issue_gen") == written
    assert len(made.server.calls) == 2 * asked


@pytest.mark.parametrize("mode", ["static", "pr", "skip"])
def test_a_mode_without_a_model_has_no_shards(made: Files, mode: str) -> None:
    with pytest.raises(InputError, match=f"mode {mode} asks no model"):
        made.write(mode, shard=(1, 2))
    assert not made.output(mode).exists()


def test_a_killed_run_goes_on_and_pays_for_nothing_twice(made: Files) -> None:
    made.server.faults = ["ok", "ok", "ok", "slow"]
    made.server.slow_s = 60
    process = subprocess.Popen(made.command("--calls", "1"), stderr=subprocess.DEVNULL)
    while len(made.server.calls) < 4:
        time.sleep(0.01)
    process.kill()
    assert process.wait() == -9
    assert not made.output().exists()
    assert made.run("--calls", "3").returncode == 0
    assert made.server.answered == len(NAMES) + 4
    killed = contents(made.folder / "issue_gen")
    made.write(calls=1, answers="other")
    assert contents(made.folder / "issue_gen") == killed


def test_a_cap_stops_the_run_and_a_higher_one_goes_on(made: Files) -> None:
    done = made.run("--calls", "1", "--max-cost", "0.035")
    assert done.returncode == 1
    assert not made.output().exists()
    spent = made.server.answered
    assert 3 <= spent <= 4
    assert made.run("--calls", "2", "--max-cost", "9").returncode == 0
    assert made.server.answered == len(NAMES) + 4
    lines = [json.loads(line) for line in (made.folder / "llm" / "ledger.jsonl").read_text().splitlines()]
    assert {line["stage"] for line in lines} == {f"write_issues/{tiny.REPO}"}


def test_a_busy_server_changes_nothing(made: Files) -> None:
    made.server.faults = ["429", "ok", "429", "500", "ok", "429"]
    made.server.headers = {"Retry-After": "0"}
    made.write()
    assert made.summary()["funnel"]["out"] == 5
    assert made.server.answered == len(NAMES) + 4


def test_a_model_that_cannot_be_reached_leaves_no_verdict_and_the_same_command_goes_on(made: Files) -> None:
    made.server.faults = ["ok", "503", "drop"]
    with pytest.raises(IncompleteError, match="2 of 8 instances have no verdict"):
        made.write(calls=1, attempts=1)
    assert not made.output().exists()
    made.write()
    assert made.summary()["funnel"]["in"] == len(NAMES)
    assert made.server.answered == len(NAMES) + 4


def test_a_prompt_that_the_provider_refuses_is_a_verdict(made: Files) -> None:
    made.server.faults = ["context"]
    made.write(calls=1)
    refused = made.summary()["rejected"][0]
    assert (refused["instance_id"], refused["reason"]) == (f"{tiny.REPO}.good", "prompt_refused")
    assert made.stored("good")["responses"] == {issue_files.MODEL: []}


def test_more_samples_are_asked_for_until_one_passes(made: Files) -> None:
    prompt = made.folder / "prompt.yaml"
    prompt.write_text(prompt.read_text().replace("{max", "{n_instructions: 3, max"))
    made.write()
    assert made.server.answered == 4 + 4 * 4
    assert made.stored("leaks_once")["tracesmith"]["attempts"][3]["reason"] is None
    assert sorted({body["temperature"] for _, body in made.server.calls}) == [0.0, 1.0]


def test_no_text_left_is_an_error_that_counts_the_reasons(tmp_path: Path, server: ModelServer) -> None:
    made = issue_files.write(tmp_path, server, ["leaks", "empty"])
    with pytest.raises(InputError, match="no text is left of 2: empty 1, quotes_the_patch 1"):
        made.write()
    assert not made.output().exists()
    assert made.stored("leaks")["tracesmith"]["verdict"] == "rejected"


def test_the_models_own_wish_stands_in_the_prompt_and_the_flag_wins(made: Files) -> None:
    prompt = made.folder / "prompt.yaml"
    prompt.write_text(f"{prompt.read_text()}model: openai/of-the-prompt\n")
    command = made.command()
    position = command.index("--model")
    without = [*command[:position], *command[position + 2 :]]
    assert subprocess.run(without, capture_output=True, check=False).returncode == 0
    assert {body["model"] for _, body in made.server.calls} == {"of-the-prompt"}
    assert made.run("--answers", made.folder / "other").returncode == 0
    assert made.server.calls[-1][1]["model"] == "unheard-of"


@pytest.mark.parametrize("flag", ["validation", "environment", "prompt", "demonstrations", "model"])
def test_what_a_mode_needs_is_asked_for_before_any_work(made: Files, flag: str) -> None:
    command = made.command()
    position = command.index(f"--{flag}")
    done = subprocess.run([*command[:position], *command[position + 2 :]], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert f"--{flag}" in done.stderr
    assert not made.server.calls
    assert not (made.folder / "issue_gen").exists()


def test_an_environment_of_another_repository_is_refused(made: Files) -> None:
    value = json.loads(made.environment.read_text())
    made.environment.write_text(json.dumps({**value, "repo": "npm__other.v1.0.0"}))
    with pytest.raises(InputError, match=rf"{tiny.REPO}\.good: is of swesmith/{tiny.REPO}"):
        made.write()
    assert not made.server.calls


def test_a_stored_text_is_taken_and_judged(made: Files) -> None:
    rows = [issue_files.instance(name) for name in ("good", "leaks", "none", "broken")]
    rows[0]["tracesmith"]["pull"] = {"problem_statement": GOOD.format(name="x")}
    rows[1]["tracesmith"]["pull"] = {"problem_statement": LEAK.format(name="x")}
    rows[3]["tracesmith"]["pull"] = {"problem_statement": 7}
    made.instances.write_text(json.dumps(rows))
    made.write("pr")
    summary = made.summary("pr")
    assert [row["problem_statement"] for row in summary["issues"]] == [GOOD.format(name="x")]
    assert [row["reason"] for row in summary["rejected"]] == ["quotes_the_patch", "no_stored_text", "no_stored_text"]
    assert not made.server.calls


def test_skip_writes_no_text_and_refuses_none(made: Files) -> None:
    made.write("skip")
    summary = made.summary("skip")
    assert {row["problem_statement"] for row in summary["issues"]} == {""}
    assert summary["funnel"] == {"in": 8, "out": 8, "dropped": {}}


def test_the_command_of_the_guide_works(made: Files, server: ModelServer, monkeypatch: pytest.MonkeyPatch) -> None:
    guide = (tiny.REPOSITORY / "docs" / "issues.md").read_text()
    command = re.findall(r"(?ms)^```sh\n(.*?)^```$", guide)[0].replace("REPO", tiny.REPO)
    server.answer = lambda _: {"content": GOOD.format(name="demo")}
    places = {
        "logs/task_insts": made.instances,
        "logs/run_validation": made.folder / "validation",
        f"logs/build_images/{tiny.REPO}": made.environment.parent,
        ".": tiny.REPOSITORY / "configs",
    }
    names = {"logs/task_insts": f"{tiny.REPO}.json", "logs/run_validation": tiny.REPO, ".": "configs"}
    folder = made.folder / "clone"
    for place, target in places.items():
        path = folder / place / names.get(place, "")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.symlink_to(target)
    (folder / "scripts").symlink_to(tiny.REPOSITORY / "scripts")
    monkeypatch.setenv("ANTHROPIC_BASE_URL", server.url)
    monkeypatch.setenv("PATH", os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    done = subprocess.run(["bash", "-ec", command], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert len(json.loads((folder / f"logs/issue_gen/{tiny.REPO}__llm.json").read_text())["issues"]) == len(NAMES)
