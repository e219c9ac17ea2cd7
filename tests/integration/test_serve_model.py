"""The small server of a model: it answers as the model would by its own template, and is never left behind."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

import workflows
from training_models import talk, training_python, write_rows

pytestmark = pytest.mark.train
QUESTION = [{"role": "system", "content": "You fix bugs."}, {"role": "user", "content": "Where?"}]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    write_rows(folder / "rows.jsonl", talk())
    command = [sys.executable, workflows.SCRIPTS / "make_tiny_model.py", "rows.jsonl", "--output", "model"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / "model"


def start(model: Path, folder: Path, command: str) -> "subprocess.Popen[str]":
    """Serve the model while a command of the shell runs; it writes the server's address into a file first."""
    given = [model, "--python", training_python(), "--max-tokens", "8", "--"]
    shell = ["sh", "-c", f"echo $OPENAI_API_BASE >address.new && mv address.new address; {command}"]
    process = subprocess.Popen(
        [sys.executable, workflows.SCRIPTS / "serve_model.py", *given, *shell],
        cwd=folder,
        text=True,
        stderr=subprocess.PIPE,
    )
    workflows.wait_for((folder / "address").exists)
    return process


@pytest.fixture(scope="module")
def address(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder = tmp_path_factory.mktemp("served")
    process = start(model, folder, "exec sleep 600")
    yield (folder / "address").read_text().strip()
    process.terminate()
    assert process.wait(60) == 143


def ask(address: str, **body: Any) -> requests.Response:
    session = requests.Session()
    session.trust_env = False
    return session.post(f"{address}/chat/completions", json=body, timeout=60)


def test_a_greedy_answer_is_always_the_same_and_ends_at_the_limit(address: str) -> None:
    first, second = (ask(address, messages=QUESTION, temperature=0, max_tokens=5).json() for _ in range(2))
    assert first["choices"] == second["choices"]
    assert first["choices"][0]["message"]["role"] == "assistant"
    assert first["usage"]["completion_tokens"] <= 5
    assert ask(address, messages=QUESTION, max_tokens=500).json()["usage"]["completion_tokens"] <= 8


def test_a_drawn_answer_is_the_same_with_the_same_seed(address: str) -> None:
    drawn = {"messages": QUESTION, "temperature": 1.5}
    answers = [ask(address, **drawn, seed=seed).json()["choices"] for seed in (1, 1, 2, 3, 4)]
    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("body", "said", "code"),
    [
        ({"messages": []}, "messages: a list", "invalid_request"),
        ({"messages": [{"role": "user", "content": 5}]}, "the content has to be text", "invalid_request"),
        ({"messages": QUESTION, "tools": [{}]}, "tools: this server does not know it", "invalid_request"),
        ({"messages": QUESTION, "stream": True}, "stream: this server does not know it", "invalid_request"),
        ({"messages": QUESTION, "max_tokens": 0}, "max_tokens: a whole number above 0", "invalid_request"),
        ({"messages": QUESTION, "temperature": "hot"}, "temperature: a number from 0 to 2", "invalid_request"),
        ({"messages": [{"role": "user", "content": "x " * 40_000}]}, "maximum context", "context_length_exceeded"),
    ],
)
def test_a_request_that_is_not_answered_says_why(address: str, body: dict[str, Any], said: str, code: str) -> None:
    answer = ask(address, **body)
    assert answer.status_code == 400
    assert said in answer.json()["error"]["message"]
    assert answer.json()["error"]["code"] == code


def test_the_exit_code_is_the_commands(model: Path, tmp_path: Path) -> None:
    assert start(model, tmp_path, "exit 7").wait(60) == 7


def test_the_server_is_gone_with_the_process_that_started_it(model: Path, address: str, tmp_path: Path) -> None:
    process = start(model, tmp_path, "exec sleep 2")
    other = (tmp_path / "address").read_text().strip()
    assert other != address, "the port of the model is taken by the other one"
    assert ask(other, messages=QUESTION, max_tokens=1).status_code == 200
    process.send_signal(signal.SIGKILL)
    process.wait()

    def is_gone() -> bool:
        try:
            return not ask(other, messages=QUESTION, max_tokens=1).ok
        except requests.ConnectionError:
            return True

    workflows.wait_for(is_gone)


def test_a_model_that_cannot_be_loaded_is_told(model: Path, tmp_path: Path) -> None:
    workflows.copy_folder(model, tmp_path / "model")
    config = json.loads((tmp_path / "model/config.json").read_text())
    (tmp_path / "model/config.json").write_text(json.dumps({**config, "model_type": "nobody"}))
    command = [sys.executable, workflows.SCRIPTS / "serve_model.py", tmp_path / "model", "--python", training_python()]
    done = subprocess.run([*command, "--", "touch", tmp_path / "out"], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {tmp_path}/model: the model cannot be served: ")
    assert not (tmp_path / "out").exists()
