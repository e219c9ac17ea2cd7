"""Models of the test server that play an agent on the tiny package, by the behaviour that the task names."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import tiny
from llm_server import Body, Message

SUBMIT = "echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
REPAIR = f"sed -i 's/start < last.end/{tiny.FIXED}/' src/intervals.ts"
SOLVE = ["grep -n last.end src/intervals.ts", REPAIR, "node_modules/.bin/vitest run", "date +%s%N", SUBMIT]
BEHAVIOURS = {
    "solves": SOLVE,
    "gives_up": ["ls", SUBMIT],
    "touches_and_loops": [REPAIR],
    "waits": ["sleep 60", SUBMIT],
    "works_with_words": SOLVE,
    "breaks_git": [REPAIR, "rm -rf .git", SUBMIT],
    "fills": ["head -c 80M /dev/urandom >src/core", SUBMIT],
}
"""Commands of an agent, one each turn; the last one again and again."""


def instance(name: str) -> dict[str, Any]:
    """Return an instance of the tiny package whose agent behaves in a way."""
    return {
        "instance_id": f"{tiny.REPO}.{name}",
        "repo": f"swesmith/{tiny.REPO}",
        "image_name": "x",
        "patch": tiny.BUG,
        "FAIL_TO_PASS": ["src/intervals.spec.ts > merge > joins intervals that touch"],
        "PASS_TO_PASS": [],
        "problem_statement": f"Intervals that touch stay apart. Behaviour: {name}.",
    }


def write_dataset(path: Path, *names: str) -> Path:
    """Write a dataset with an instance a behaviour and return its path."""
    path.write_text(json.dumps([instance(name) for name in names]))
    return path


def answer(body: Body) -> Message:
    """Return the next turn of the agent that the task asks for."""
    name = behaviour(body)
    turn = sum(message["role"] == "assistant" for message in body["messages"])
    if name in WRONG and (name != "learns" or turn + len(body["messages"]) == 2):
        return WRONG[name]
    commands = BEHAVIOURS.get(name, SOLVE)
    command = commands[min(turn, len(commands) - 1)]
    if name == "works_with_words":
        return {"content": f"Turn {turn}.\n\n<function=bash>\n<parameter=command>{command}</parameter>\n</function>"}
    return bash(json.dumps({"command": command}), turn)


def undoing(dataset: Path) -> Callable[[Body], Message]:
    """Return a model that undoes the bug of the instance whose problem statement is its task, and submits."""

    @cache
    def bugs() -> dict[str, str]:
        return {row["problem_statement"].strip(): row["patch"] for row in json.loads(dataset.read_text())}

    def answer(body: Body) -> Message:
        turn = sum(message["role"] == "assistant" for message in body["messages"])
        task = next(text(message) for message in body["messages"] if message["role"] == "user")
        patch = next(patch for said, patch in bugs().items() if said in task)
        undo = f"git apply -R - <<'PATCH'\n{patch}PATCH"
        return bash(json.dumps({"command": [undo, SUBMIT][min(turn, 1)]}), turn)

    return answer


def behaviour(body: Body) -> str:
    """Return the behaviour that a request's task names."""
    task = next(text(message) for message in body["messages"] if "Behaviour: " in text(message))
    return task.partition("Behaviour: ")[2].partition(".")[0]


def text(message: Message) -> str:
    """Return the text of a message."""
    content = message["content"] or ""
    return content if isinstance(content, str) else "".join(part.get("text", "") for part in content)


def bash(arguments: str, turn: int) -> Message:
    """Return a turn with a call of bash."""
    return call("bash", arguments, turn)


def call(name: str, arguments: str, turn: int) -> Message:
    """Return a turn with one call, its arguments as written."""
    function = {"name": name, "arguments": arguments}
    return {
        "content": f"Turn {turn}.",
        "tool_calls": [{"id": f"call_{turn}", "type": "function", "function": function}],
    }


WRONG: dict[str, Message] = {
    "talks": {"content": "I would rather talk."},
    "malformed": bash("{'command': ls", 0),
    "other_tool": call("str_replace_editor", '{"command": "view", "path": "/testbed"}', 0),
    "many_calls": {
        "content": "Two at once.",
        "tool_calls": [bash('{"command": "ls"}', number)["tool_calls"][0] for number in range(2)],
    },
    "writes_nul": bash('{"command": "echo a\\u0000b"}', 0),
    "writes_half": bash('{"command": "echo \\ud83d"}', 0),
    "learns": {"content": "Let me think."},
}
"""Turns without a call that can be made, again and again; `learns` makes one such turn only."""
