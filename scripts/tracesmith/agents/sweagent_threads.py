"""
Run SWE-agent as often as asked, each time in a thread of one process that has imported it: the program of launching.py.

SWE-agent's own Python runs it in the checkout, with nothing of tracesmith. A line that comes in is an object in JSON:
the `number` of an instance, the `arguments` of `sweagent run-batch`, the `key` for its model, which is written nowhere,
and the file `log` for what it prints. A line that goes out is `{"ready": 1}`, when all is imported, or
`{"ended": number}`. When no more can come in, all ends.
"""

import gc
import importlib
import io
import json
import logging
import os
import resource
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TextIO

MOST = 10_000
"""Threads; one is begun where none is free."""


class Printed(io.TextIOBase):
    """A standard stream that goes into a file of the thread's own."""

    def __init__(self, otherwise: TextIO) -> None:
        self.otherwise = otherwise
        self.own = threading.local()

    def write(self, text: str) -> int:
        """Write a text."""
        return self._file().write(text)

    def flush(self) -> None:
        """Write it now."""
        self._file().flush()

    def _file(self) -> TextIO:
        file: TextIO = getattr(self.own, "file", self.otherwise)
        return file


class Handler(logging.StreamHandler[Any]):
    """In the place of rich's, whose search for colours has held up all threads (SWE-agent's issue 901)."""

    def __init__(self, *_: object, **__: object) -> None:
        super().__init__(sys.stdout)


class Runs:
    """SWE-agent 1.1 over swe-rex 1.4, made fit for many instances at once and one after the other."""

    def __init__(self, printed: Printed, out: int) -> None:
        rich: Any = importlib.import_module("rich.logging")
        rich.RichHandler = Handler
        self._batch = importlib.import_module("sweagent.run.run_batch")
        self._cli = importlib.import_module("sweagent.run.common").BasicCLI
        self._secret = importlib.import_module("pydantic").SecretStr
        self._printed = printed
        self._out = out
        # The checkout's .env is read once, so that no instance's configuration depends on which came before.
        self._batch.load_environment_variables(None)
        # Nobody reads the log files, and a thread that has the name of its instance gets loggers that stay for good.
        nothings = ("add_file_handler", "remove_file_handler", "register_thread_name", "load_environment_variables")
        for name in nothings:
            setattr(self._batch, name, lambda *_, **__: None)
        # SWE-agent asks a deployment whether it is alive within a time; swe-rex's remote one takes no time, and every
        # agent that did not submit by itself would end in a TypeError.
        remote = importlib.import_module("swerex.deployment.remote").RemoteDeployment
        remote.is_alive = lambda self, *, timeout=None: self.runtime.is_alive(timeout=timeout)

    def say(self, **words: int) -> None:
        """Write a line to whoever asks."""
        os.write(self._out, f"{json.dumps(words)}\n".encode())

    def run(self, asked: dict[str, Any]) -> None:
        """Work on one instance and say when it is over."""
        try:
            with open(asked["log"], "a", buffering=1, encoding="utf-8", errors="replace") as log:  # noqa: PTH123
                self._printed.own.file = log
                self._work(asked["arguments"], asked["key"])
        finally:
            self._printed.own.file = self._printed.otherwise
            gc.collect()
            self.say(ended=asked["number"])

    def _work(self, arguments: list[str], key: str) -> None:
        """Do as `sweagent run-batch`; whatever that raises is the instance's own end, and not that of the others."""
        try:
            config = self._cli(self._batch.RunBatchConfig).get_config(arguments)
            config.agent.model.api_key = self._secret(key)
            self._batch.RunBatch.from_config(config).main()
        except BaseException:
            traceback.print_exc()


def main() -> None:
    """Import SWE-agent and serve until there is no more input."""
    most_files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most_files, most_files))  # all instances share them
    out = os.dup(1)
    os.dup2(2, 1)
    printed = Printed(sys.stderr)
    sys.stdout = sys.stderr = printed
    sys.path.insert(0, str(Path.cwd()))
    runs = Runs(printed, out)
    gc.collect()
    gc.freeze()  # what is imported is no garbage, and takes long to look through
    runs.say(ready=1)
    pool = ThreadPoolExecutor(MOST, "run")
    try:
        for line in sys.stdin:
            pool.submit(runs.run, json.loads(line))
    except BaseException:
        traceback.print_exc()
    os._exit(0)  # with all threads


if __name__ == "__main__":
    main()
