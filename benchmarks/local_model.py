#!/usr/bin/env python3
"""
Ask a small model on this machine through the language-model client and its gateway, and check what comes.

    make local-model

It serves SmolLM2 with transformers on loopback, asks 8 prompts for 2 samples each at once, and one call of OpenAI's and
one of Anthropic's format through the gateway; then it stops the server and asks the same again: all must come from the
store. Answers have to be texts, and the ledger has to count what they say they took. What the texts say is not judged.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))

from tracesmith import cli, files
from tracesmith.errors import InfrastructureError
from tracesmith.llm.answers import Answer
from tracesmith.llm.client import Client
from tracesmith.llm.gateway import Gateway
from tracesmith.llm.requests import Purpose
from tracesmith.llm.settings import Settings

MODEL = "SmolLM2-135M-Instruct"
PROMPTS = (
    "Write a TypeScript function that adds two numbers.",
    "What does Array.prototype.map return?",
    "Describe a bug in a parser in one sentence.",
    "Name a difference between let and const.",
    "What is the capital of France?",
    "Explain what a unit test is for.",
    "Write a title for an issue about a crash on start.",
    "What does `x ?? 1` give when x is 0?",
)
SAMPLES = 2
LONGEST = 32
"""Tokens of an answer at most: the model writes about ten a second on a busy core."""
PRICE = (1.0, 2.0)
"""USD per million tokens, made up, so that the ledger has money to count."""
START_S = 120
COLUMNS = ("round", "calls", "cached", "tokens read", "tokens written", "seconds")


class LocalModelError(InfrastructureError):
    """What the client, the gateway or the server did is not what they promise."""


@dataclass(frozen=True)
class Round:
    """What a series of calls brought."""

    name: str
    texts: list[str]
    cached: int
    read: int
    written: int
    seconds: float

    def columns(self) -> tuple[str, ...]:
        """Return its row of the table."""
        counts = (len(self.texts), self.cached, self.read, self.written)
        return (self.name, *map(str, counts), f"{self.seconds:.1f}")


def check(holds: bool, wanted: str) -> None:
    """Raise LocalModelError unless what is wanted holds."""
    if not holds:
        raise LocalModelError(wanted)


def free_port() -> int:
    """Return a port of loopback that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextlib.contextmanager
def server(environment: Path, log: Path) -> Iterator[str]:
    """Serve the model while the block runs, and yield the URL."""
    port = free_port()
    command: list[str | Path] = [environment / "bin" / "transformers", "serve", MODEL, "--device", "cpu"]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    # One thread: two that wait for each other on busy cores were ten times slower.
    alone = {"HF_HUB_OFFLINE": "1", "HF_HOME": str(log.parent / "hf"), "OMP_NUM_THREADS": "1"}
    with log.open("wb") as out:
        # The model is named by a path: the folder's name, seen from beside it, is the name under which it is served.
        process = subprocess.Popen(
            command, cwd=environment, env={**os.environ, **alone}, stdout=out, stderr=out, start_new_session=True
        )
    try:
        wait_for(process, f"http://127.0.0.1:{port}/health", log)
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        stop(process)


def stop(process: "subprocess.Popen[bytes]") -> None:
    """End the server, by force if it does not end by itself."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def wait_for(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    """Return when the server answers."""
    until = time.monotonic() + START_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5):  # noqa: S310 - our own URL
                return
        except OSError:
            ended = process.poll() is not None
            last = log.read_text(errors="replace")[-2000:]
            check(not ended and time.monotonic() < until, f"the server does not answer: {last}")
            time.sleep(0.2)


def ask_client(client: Client, name: str) -> Round:
    """Ask every prompt for its samples, all at once."""
    began = time.monotonic()
    jobs = [(place, sample) for place in range(len(PROMPTS)) for sample in range(SAMPLES)]

    def ask(job: tuple[int, int]) -> Answer:
        place, sample = job
        messages = [{"role": "user", "content": PROMPTS[place]}]
        purpose = {"stage": "local_model/client", "instance": f"prompt_{place}"}
        return client.ask(messages, sample=sample, temperature=0.8, max_tokens=LONGEST, **purpose)

    found = [answer for answer in client.each(jobs, ask, "calls") if answer is not None]
    check(len(found) == len(jobs), f"{len(jobs) - len(found)} of {len(jobs)} calls got no answer")
    check(all(answer.text.strip() for answer in found), "an answer has no text")
    check(len({answer.text for answer in found}) > len(PROMPTS), "the samples of every prompt are alike")
    check(all(0 < answer.usage.completion_tokens <= LONGEST for answer in found), "an answer has no or too many tokens")
    cached = sum(answer.cached for answer in found)
    read = sum(answer.usage.prompt_tokens for answer in found)
    written = sum(answer.usage.completion_tokens for answer in found)
    return Round(name, [answer.text for answer in found], cached, read, written, time.monotonic() - began)


def post(url: str, prompt: str, headers: dict[str, str]) -> Any:
    """Ask a call as an engine does, and return the answer's body."""
    body = {"model": "any", "max_tokens": LONGEST, "messages": [{"role": "user", "content": prompt}]}
    data = json.dumps(body).encode()
    request = urllib.request.Request(url, data, {"Content-Type": "application/json", **headers})  # noqa: S310
    with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310 - the gateway's own URL
        return json.load(answer)


def ask_gateway(client: Client, name: str) -> Round:
    """Ask the gateway in both formats, by a session each; the same call in both would be one request, paid once."""
    began, before = time.monotonic(), client.tally.stored_calls
    with Gateway(client) as gateway:
        sessions = [gateway.open(Purpose("local_model/gateway", of)) for of in ("openai", "anthropic")]
        openai = post(
            f"{gateway.openai_base}/chat/completions", PROMPTS[0], {"Authorization": f"Bearer {sessions[0].token}"}
        )
        version = {"anthropic-version": "2023-06-01"}
        anthropic = post(
            f"{gateway.anthropic_base}/v1/messages", PROMPTS[1], {"x-api-key": sessions[1].token, **version}
        )
    texts = [openai["choices"][0]["message"]["content"], anthropic["content"][0]["text"]]
    check(all(text.strip() for text in texts), "an answer through the gateway has no text")
    calls = [session.account(of).calls for session, of in zip(sessions, ("openai", "anthropic"), strict=True)]
    check(calls == [1, 1], f"the sessions counted {calls} calls")
    read = openai["usage"]["prompt_tokens"] + anthropic["usage"]["input_tokens"]
    written = openai["usage"]["completion_tokens"] + anthropic["usage"]["output_tokens"]
    return Round(name, texts, client.tally.stored_calls - before, read, written, time.monotonic() - began)


def check_ledger(folder: Path, rounds: list[Round]) -> None:
    """Compare the ledger with what the answers said."""
    lines = [files.parse_json(line, "ledger") for line in (folder / "ledger.jsonl").read_text().splitlines()]
    for outcome, cached in (("paid", False), ("cached", True)):
        mine = [line for line in lines if line["outcome"] == outcome]
        theirs = [one for one in rounds if bool(one.cached) is cached]
        counted = [sum(line[key] for line in mine) for key in ("prompt_tokens", "completion_tokens")]
        said = [sum(one.read for one in theirs), sum(one.written for one in theirs)]
        calls = sum(len(one.texts) for one in theirs)
        check([len(mine), *counted] == [calls, *said], f"ledger, {outcome}: {[len(mine), *counted]}, answers: {said}")
        cost = sum(line["cost_usd"] for line in mine)
        check(abs(cost - (said[0] * PRICE[0] + said[1] * PRICE[1]) / 1e6) < 1e-9, f"ledger, {outcome}: {cost} USD")
    check(len(lines) == sum(len(one.texts) for one in rounds), "the ledger has lines of other outcomes")


def measure(environment: Path, folder: Path) -> list[Round]:
    """Ask everything with the server and again without it."""
    store = folder / "answers"
    with server(environment, folder / "server.log") as base:
        settings = Settings(f"openai/{MODEL}", store, api_base=base, workers=8, price=PRICE, attempts=2)
        client = Client(settings)
        first = [ask_client(client, "client"), ask_gateway(client, "gateway")]
    check(not any(one.cached for one in first), "an answer of a new store was cached")
    client = Client(settings)
    again = [ask_client(client, "client, no server"), ask_gateway(client, "gateway, no server")]
    for before, after in zip(first, again, strict=True):
        check(after.cached == len(after.texts), f"{after.name}: {after.cached} of {len(after.texts)} were stored")
        check(before.texts == after.texts, f"{after.name}: the texts are others than before")
    check_ledger(store, [*first, *again])
    return [*first, *again]


def main() -> None:
    """Print the table, or what went wrong."""
    parser = cli.parser(__doc__)
    parser.add_argument("environment", type=Path, help="virtual environment with the model and its server")
    args = parser.parse_args()
    for name in ("NO_PROXY", "no_proxy"):
        os.environ[name] = "127.0.0.1"
    os.environ.pop("OPENAI_API_KEY", None)
    with tempfile.TemporaryDirectory() as name:
        rounds = measure(args.environment.resolve(), Path(name))
    rows = [COLUMNS, *(one.columns() for one in rounds)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        cli.say(
            "  ".join(
                [row[0].ljust(widths[0]), *(text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True))]
            )
        )


if __name__ == "__main__":
    cli.run(main)
