"""
Run SWE-agent as often as asked, each time as a fork of one process that has imported it: the program of launching.py.

SWE-agent's own Python runs it in the checkout, with nothing of tracesmith. A line that comes in is an object in JSON:
`arguments` of SWE-agent's command line, its `environment`, the file `log` for what it prints. A line that goes out is
`{"started": pid}` for each of them in turn, or `{"ended": pid}`. When no more can come in, all is killed.
"""

import contextlib
import ctypes
import gc
import importlib
import json
import os
import runpy
import selectors
import signal
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG = 1


def main() -> None:
    """Import SWE-agent and serve; a fork goes on as SWE-agent's command line."""
    out = os.dup(1)
    os.dup2(2, 1)  # what SWE-agent prints while it is imported
    sys.path.insert(0, str(Path.cwd()))
    importlib.import_module("sweagent.run.run_batch")
    # SWE-agent 1.1 asks a deployment whether it is alive within a time; of swe-rex 1.4's, the remote one takes no
    # time, and every agent that did not submit by itself would end in a TypeError.
    remote = importlib.import_module("swerex.deployment.remote").RemoteDeployment
    remote.is_alive = lambda self, *, timeout=None: self.runtime.is_alive(timeout=timeout)
    gc.freeze()  # what is imported is no garbage: a collection would copy its pages into every fork
    asked = serve(out)
    if asked:
        sys.argv[1:] = asked["arguments"]
        runpy.run_module("sweagent", run_name="__main__", alter_sys=True)


def serve(out: int) -> dict[str, Any] | None:
    """Serve until there is no more input; in a fork, return what it was asked for."""
    running: dict[int, int] = {}
    waiting = b""
    with selectors.DefaultSelector() as selector:
        selector.register(sys.stdin, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.fd in running:
                    selector.unregister(key.fd)
                    os.close(key.fd)
                    pid = running.pop(key.fd)
                    os.waitpid(pid, 0)
                    say(out, ended=pid)
                    continue
                read = os.read(sys.stdin.fileno(), 1 << 16)
                if not read:
                    kill(running)
                    return None
                *lines, waiting = (waiting + read).split(b"\n")
                for line in lines:
                    launcher, pid = os.getpid(), os.fork()
                    if not pid:
                        return become(json.loads(line), launcher, [out, *running])
                    handle = os.pidfd_open(pid)
                    running[handle] = pid
                    selector.register(handle, selectors.EVENT_READ)
                    say(out, started=pid)


def become(asked: dict[str, Any], launcher: int, inherited: Iterable[int]) -> dict[str, Any]:
    """Be a process of its own, that ends when its parent does and holds nothing of it open."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != launcher:  # it has ended before that was heard
        os._exit(1)
    os.setsid()
    log = os.open(asked["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for own, standard in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(own, standard)
    for handle in (log, nothing, *inherited):
        os.close(handle)
    os.environ.clear()
    os.environ.update(asked["environment"])
    return asked


def kill(running: dict[int, int]) -> None:
    """End all forks with their groups; one that has begun a moment ago has none yet."""
    for pid in running.values():
        for end in (os.kill, os.killpg):
            with contextlib.suppress(ProcessLookupError):
                end(pid, signal.SIGKILL)


def say(out: int, **words: int) -> None:
    """Write a line to whoever asks."""
    os.write(out, f"{json.dumps(words)}\n".encode())


if __name__ == "__main__":
    main()
