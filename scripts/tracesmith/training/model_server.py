"""
Answer chat completions in OpenAI's format with a model on the CPU. Run by the trainer's Python, as a file.

    python model_server.py MODEL_FOLDER MAX_TOKENS PORT

PORT is taken where it is free, else another: answers are stored with the server's address, so a stable one finds them.

It writes its address to stdout once it answers, asks the model one question at a time, and ends when stdin does: with
the process that started it.
"""

import json
import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import jinja2
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

LARGEST = 64 * 1024**2
REFUSED = ("tools", "functions", "stream", "stop", "logprobs", "response_format")
"""Parameters whose answer would be another one than is made here."""


class RequestError(Exception):
    """A request that is not answered, with OpenAI's code for the reason."""

    def __init__(self, message: str, code: str = "invalid_request") -> None:
        super().__init__(message)
        self.code = code


class Model:
    """A model, its tokenizer, and one question at a time."""

    def __init__(self, folder: Path, max_tokens: int) -> None:
        self.name = folder.name
        self._tokenizer = AutoTokenizer.from_pretrained(folder)
        self._model = AutoModelForCausalLM.from_pretrained(folder).eval()
        self._most = max_tokens
        self._longest = int(getattr(self._model.config, "max_position_embeddings", 0) or 2**31)
        ends = self._model.generation_config.eos_token_id
        ends = list(ends) if isinstance(ends, list | tuple) else [ends]
        self._ends = sorted({end for end in [*ends, self._tokenizer.eos_token_id] if end is not None})
        self._turn = threading.Lock()

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Return a chat completion. Raises RequestError for what cannot be answered."""
        messages, temperature, wanted = _checked(asked)
        try:
            text = self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        except (jinja2.TemplateError, TypeError) as error:
            raise RequestError(f"the chat template refuses the conversation: {error}") from None
        prompt = self._tokenizer(text, return_tensors="pt", add_special_tokens=False)
        length = int(prompt["input_ids"].shape[1])
        room = self._longest - length
        if room < 1:
            raise RequestError(
                f"This model's maximum context length is {self._longest} tokens, the prompt has {length}",
                "context_length_exceeded",
            )
        with self._turn:
            tokens = self._generate(prompt, temperature, min(wanted or self._most, self._most, room), asked.get("seed"))
        ended = bool(tokens) and tokens[-1] in self._ends
        content = self._tokenizer.decode(tokens[:-1] if ended else tokens, skip_special_tokens=False)
        choice = {"index": 0, "message": {"role": "assistant", "content": content}}
        usage = {"prompt_tokens": length, "completion_tokens": len(tokens), "total_tokens": length + len(tokens)}
        return {
            "id": f"chatcmpl-{time.time_ns()}",
            "object": "chat.completion",
            "created": int(time.time()),
            "model": self.name,
            "choices": [{**choice, "finish_reason": "stop" if ended else "length"}],
            "usage": usage,
        }

    def _generate(self, prompt: Any, temperature: float, most: int, seed: Any) -> list[int]:
        if isinstance(seed, int):
            torch.manual_seed(seed)
        drawn = {"do_sample": True, "temperature": temperature} if temperature else {"do_sample": False}
        unset = {} if temperature else {"temperature": None, "top_p": None, "top_k": None}
        pad = self._tokenizer.pad_token_id
        given = {
            "max_new_tokens": most,
            "eos_token_id": self._ends,
            "pad_token_id": self._ends[0] if pad is None else pad,
        }
        with torch.inference_mode():
            found = self._model.generate(**prompt, **drawn, **unset, **given)
        tokens: list[int] = found[0][prompt["input_ids"].shape[1] :].tolist()
        return tokens


def _checked(asked: dict[str, Any]) -> tuple[list[dict[str, str]], float, int | None]:
    messages = asked.get("messages")
    if not isinstance(messages, list) or not messages:
        raise RequestError("messages: a list of messages is wanted")
    plain = []
    for message in messages:
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            raise RequestError("messages: a message needs a role and a content")
        plain.append({"role": message["role"], "content": _text(message.get("content"))})
    if named := [name for name in REFUSED if asked.get(name)]:
        raise RequestError(f"{named[0]}: this server does not know it")
    if asked.get("n") not in (None, 1):
        raise RequestError("n: this server gives one answer")
    temperature = asked.get("temperature", 0) or 0
    if isinstance(temperature, bool) or not isinstance(temperature, int | float) or not 0 <= temperature <= 2:
        raise RequestError("temperature: a number from 0 to 2 is wanted")
    wanted = asked.get("max_completion_tokens", asked.get("max_tokens"))
    if wanted is not None and (isinstance(wanted, bool) or not isinstance(wanted, int) or wanted < 1):
        raise RequestError("max_tokens: a whole number above 0 is wanted")
    return plain, float(temperature), wanted


def _text(content: Any) -> str:
    if content is None or isinstance(content, str):
        return content or ""
    if isinstance(content, list) and all(
        isinstance(part, dict) and isinstance(part.get("text"), str) for part in content
    ):
        return "".join(part["text"] for part in content)
    raise RequestError("messages: the content has to be text")


class Handler(BaseHTTPRequestHandler):
    """The two pages."""

    protocol_version = "HTTP/1.1"
    timeout = 600
    model: Model

    def log_message(self, *_: object) -> None:
        """Keep quiet."""

    def do_GET(self) -> None:
        """Name the model."""
        if self.path.partition("?")[0] == "/v1/models":
            self._send(200, {"object": "list", "data": [{"id": self.model.name, "object": "model"}]})
        else:
            self._refuse(404, "no such page", "not_found")

    def do_POST(self) -> None:
        """Answer a question."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > LARGEST:
            self.close_connection = True
            self._refuse(411, "a Content-Length is wanted", "invalid_request")
            return
        data = self.rfile.read(int(length))
        if self.path.partition("?")[0] != "/v1/chat/completions":
            self._refuse(404, "no such page", "not_found")
            return
        try:
            asked = json.loads(data)
            if not isinstance(asked, dict):
                raise RequestError("the request is no JSON object")
            self._send(200, self.model.answer(asked))
        except ValueError:
            self._refuse(400, "the request is not JSON", "invalid_request")
        except RequestError as error:
            self._refuse(400, str(error), error.code)
        except Exception as error:  # out of memory, above all: the one who asked has to know, and may ask again
            sys.stderr.write(f"{type(error).__name__}: {error}\n")
            self._refuse(500, f"{type(error).__name__}: {error}", "server_error")

    def _refuse(self, status: int, message: str, code: str) -> None:
        kind = "server_error" if status >= 500 else "invalid_request_error"
        self._send(status, {"error": {"message": message, "type": kind, "param": None, "code": code}})

    def _send(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def _end_with_parent() -> None:
    """Wait until stdin is closed, then end at once, whatever is being answered."""
    while sys.stdin.buffer.read(4096):
        pass
    os._exit(0)


def main() -> None:
    """Load the model and serve it."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    Handler.model = Model(Path(sys.argv[1]), int(sys.argv[2]))
    try:
        server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[3])), Handler)
    except OSError:
        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    sys.stdout.write(f"http://127.0.0.1:{server.server_address[1]}/v1\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()
