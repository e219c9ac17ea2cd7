"""The engine `sweagent` with a program that stands in for SWE-agent; the real one is run by `make sweagent`."""

import contextlib
import dataclasses
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest
import yaml

import llm_server
from llm_server import KEY, Body, ModelServer, QuickClock
from local_box import LocalBox
from tracesmith import prepared
from tracesmith.agents import engines, launching, sweagent
from tracesmith.agents.engines import Task, UnfinishedError
from tracesmith.errors import InfrastructureError, InputError, StoppedError
from tracesmith.llm.client import Client
from tracesmith.llm.gateway import Gateway
from tracesmith.llm.settings import Settings
from tracesmith.sandboxes import base

ROOT = Path(__file__).parents[2]
STAND_IN = ROOT / "tests" / "data" / "sweagent_stand_in"
CONFIG = ROOT / "configs" / "agent" / "swesmith_gen_glm_ts.yaml"
NAME = "local__x.0a1b2c3d.func_pm_x__abcdefgh"
BUG = "--- a/a.ts\n+++ b/a.ts\n@@ -1 +1 @@\n-right\n+wrong\n"
INSTANCE: Any = {"instance_id": NAME, "patch": BUG, "problem_statement": "It is wrong."}
FIX = "echo right > a.ts"


class LocalBackend:
    """Boxes that are folders of the test."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def open(self) -> Any:
        """Make a box."""
        self.folder.mkdir(parents=True)
        (self.folder / "a.ts").write_text("right\n")
        return contextlib.nullcontext(LocalBox(self.folder))

    def stop(self) -> None:
        """Have nothing to stop."""

    def sweep(self) -> int:
        """Have nothing to sweep."""
        return 0


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelServer]:
    with llm_server.serve_with_keys(monkeypatch) as state:
        yield state


@contextlib.contextmanager
def gateway_of(server: ModelServer, folder: Path) -> Iterator[Gateway]:
    settings = Settings("openai/gpt-4o-mini", folder / "llm", f"{server.url}/v1", attempts=2)
    with Gateway(Client(settings, QuickClock())) as made:
        yield made


@contextlib.contextmanager
def engine_of(home: Path, gateway: Gateway) -> Iterator[sweagent.SweAgentEngine]:
    made = sweagent.SweAgentEngine(
        sweagent.find(home, Path(sys.executable)), CONFIG, gateway.client, gateway, "run_agent/x"
    )
    with contextlib.closing(made):
        yield made


@pytest.fixture
def gateway(server: ModelServer, tmp_path: Path) -> Iterator[Gateway]:
    with gateway_of(server, tmp_path) as made:
        yield made


@pytest.fixture
def engine(gateway: Gateway) -> Iterator[sweagent.SweAgentEngine]:
    with engine_of(STAND_IN, gateway) as made:
        yield made


def changed_stand_in(folder: Path, file: str, text: str) -> Path:
    """Return a copy of what stands in for SWE-agent, with another file."""
    home = folder / "home"
    shutil.copytree(STAND_IN, home)
    (home / "sweagent" / file).write_text(text)
    return home


def plays(*turns: str) -> Callable[[Body], dict[str, Any]]:
    """Return a model that says these words, the last ones again and again."""
    return lambda body: {"content": turns[min(sum(m["role"] == "assistant" for m in body["messages"]), len(turns) - 1)]}


def processes() -> list[psutil.Process]:
    """Return what SWE-agent's Python runs."""
    living = [one for one in psutil.Process().children(recursive=True) if is_alive(one)]
    return [one for one in living if str(launching.PROGRAM) in one.cmdline()]


def is_alive(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False


def task(folder: Path, **limits: Any) -> Task:
    environment = prepared.Environment(
        *("x", "x", "x", "bubblewrap", None, "tree", "source", "0", "mirror.git", "24", "0"),
        network=False,
        timeout_s=60,
        limits=base.Limits(2**30, 100, 1, 2**30),
        test=prepared.TestSettings("vitest", ["vitest"], ["**/*.spec.ts"]),
    )
    wanted = engines.Limits(**limits)
    return Task(INSTANCE, 0, "It is wrong.", [], environment, LocalBackend(folder / "testbed"), wanted)


@pytest.mark.parametrize(
    ("turns", "limits", "end"),
    [
        (["ls", FIX, "submitted"], {}, ("submitted", True)),
        (["submitted"], {}, ("submitted", False)),
        (["ls"], {"calls": 3}, ("exit_calls", False)),
        ([FIX, "ls"], {"calls": 3}, ("submitted (exit_calls)", True)),
        (["exit_format"], {}, ("exit_format", False)),
        ([FIX, "exit_context"], {}, ("submitted (exit_context)", True)),
        ([FIX, "hang"], {"wall_s": 6}, ("submitted (exit_total_execution_time)", True)),
    ],
)
def test_an_agents_end_is_told_and_its_patch_is_computed(
    engine: sweagent.SweAgentEngine,
    server: ModelServer,
    tmp_path: Path,
    turns: list[str],
    limits: dict[str, Any],
    end: tuple[str, bool],
) -> None:
    server.answer = plays(*turns)
    status, fixed = end
    saved: list[Any] = []
    outcome = engine.run(task(tmp_path, **limits), saved.append)
    assert outcome.exit_status == status == outcome.trajectory["info"]["exit_status"]
    assert ("+right" in outcome.patch) == fixed
    assert outcome.trajectory["info"]["submission"] == outcome.patch
    assert outcome.trajectory["info"]["model_stats"]["api_calls"] == len(server.calls)
    assert outcome.trajectory["environment"] == NAME
    text = str(outcome.trajectory)
    assert KEY not in text
    assert "tracesmith-" not in text, "a token"
    assert "secret" not in text
    assert all(step["query"] == [] for step in outcome.trajectory["trajectory"])


@pytest.mark.parametrize("turn", ["die", "exit_error", "exit_environment_error"])
def test_what_is_no_end_of_an_agent_is_to_be_run_again(
    engine: sweagent.SweAgentEngine, server: ModelServer, tmp_path: Path, turn: str
) -> None:
    server.answer = plays(FIX, turn)
    with pytest.raises(UnfinishedError, match=NAME) as raised:
        engine.run(task(tmp_path), lambda _: None)
    assert raised.value.exit_status == ("exit_environment_error" if turn.startswith("exit_env") else "exit_error")


@pytest.mark.parametrize(("fault", "status"), [("policy", "exit_refused"), ("context", "exit_context")])
@pytest.mark.parametrize("turns", [["ls"], [FIX]])
def test_a_conversation_that_the_provider_refuses_is_an_end(
    engine: sweagent.SweAgentEngine, server: ModelServer, tmp_path: Path, fault: str, status: str, turns: list[str]
) -> None:
    server.answer, server.faults = plays(*turns), ["ok", fault]
    outcome = engine.run(task(tmp_path), lambda _: None)
    assert outcome.exit_status == (f"submitted ({status})" if turns == [FIX] else status)
    assert len(outcome.trajectory["trajectory"]) == 1


def test_a_model_that_cannot_be_reached_is_no_end_of_an_agent(
    engine: sweagent.SweAgentEngine, server: ModelServer, tmp_path: Path
) -> None:
    server.faults = ["503"] * 9
    with pytest.raises(InfrastructureError, match=r"503|overloaded|attempts"):
        engine.run(task(tmp_path), lambda _: None)


def test_every_step_is_saved_and_a_stop_ends_the_process(
    engine: sweagent.SweAgentEngine, server: ModelServer, tmp_path: Path
) -> None:
    server.answer = plays("ls", "hang")
    saved: list[Any] = []
    ran: list[psutil.Process] = []

    def save(trajectory: dict[str, Any]) -> None:
        saved.append(trajectory)
        ran.extend(processes())
        threading.Timer(0.5, engine.stop).start()

    began = time.monotonic()
    with pytest.raises(StoppedError):
        engine.run(task(tmp_path), save)
    assert time.monotonic() - began < 60
    assert [step["action"] for step in saved[-1]["trajectory"]] == ["ls"]
    assert ran
    assert not [one for one in ran if is_alive(one)]


def test_instances_at_once_share_a_process_and_nothing_else(
    engine: sweagent.SweAgentEngine, server: ModelServer, tmp_path: Path
) -> None:
    ends = {
        "a": [FIX, "ls", "submitted"],
        "b": ["ls", "ls", "exit_format"],
        "c": ["ls", "die"],
        "d": ["x", "exit_error"],
    }
    together = threading.Barrier(len(ends))
    begun: dict[str, list[psutil.Process]] = {}

    def answer(body: Body) -> dict[str, Any]:
        name = body["messages"][1]["content"]
        if name not in begun:
            together.wait(60)
            begun[name] = processes()
        return plays(*ends[name])(body)

    def work(name: str) -> engines.Outcome | UnfinishedError:
        instance: Any = {**INSTANCE, "instance_id": f"{NAME}{name}", "problem_statement": name}
        try:
            return engine.run(dataclasses.replace(task(tmp_path / name), instance=instance), lambda _: None)
        except UnfinishedError as error:
            return error

    server.answer = answer
    with ThreadPoolExecutor(len(ends)) as pool:
        a, b, c, d = pool.map(work, ends)
    assert {len(found) for found in begun.values()} == {1}
    assert isinstance(a, engines.Outcome)
    assert isinstance(b, engines.Outcome)
    assert (a.exit_status, b.exit_status) == ("submitted", "exit_format")
    assert [step["action"] for step in a.trajectory["trajectory"]] == [FIX, "ls"]
    assert [step["action"] for step in b.trajectory["trajectory"]] == ["ls", "ls"]
    assert ("+right" in a.patch, b.patch) == (True, "")
    assert "died on purpose" in str(c)
    assert "died on purpose" not in str(d), "each has a log of its own"


def test_the_token_of_a_session_stands_in_no_file_and_no_command(
    engine: sweagent.SweAgentEngine, server: ModelServer, gateway: Gateway, tmp_path: Path, monkeypatch: Any
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    server.answer, server.delay_s = plays("ls", FIX, "exit_error"), 0.5
    seen: list[bytes] = []

    def save(_: dict[str, Any]) -> None:
        [token], [process] = gateway.sessions, processes()
        assert token.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes()
        assert token.encode() not in Path(f"/proc/{process.pid}/environ").read_bytes()
        written = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert {"sweagent.log", "instances.json"} <= {path.name for path in written}
        assert [path for path in written if token.encode() in path.read_bytes()] == []
        seen.append(token.encode())

    with pytest.raises(UnfinishedError) as raised:
        engine.run(task(tmp_path), save)
    assert seen
    assert seen[0].decode() not in str(raised.value)


def test_an_agent_whose_time_is_over_changes_nothing_any_more(
    engine: sweagent.SweAgentEngine, server: ModelServer, tmp_path: Path
) -> None:
    late = threading.Event()

    def answer(body: Body) -> dict[str, Any]:
        if len(body["messages"]) > 2:
            late.wait(6)
            return {"content": "echo late > late.ts"}
        return {"content": FIX}

    server.answer = answer
    outcome = engine.run(task(tmp_path, wall_s=4), lambda _: None)
    assert outcome.exit_status == "submitted (exit_total_execution_time)"
    assert "late.ts" not in outcome.patch
    assert [step["action"] for step in outcome.trajectory["trajectory"]] == [FIX]
    assert not (tmp_path / "testbed" / "late.ts").exists()
    assert len(server.calls) == 2, "it has asked for nothing more"


SETS_UP = """
import threading
work = RunBatch.main
folder = Path({folder!r})

def main(self):
    mark = folder / f"{{threading.get_ident()}}.mark"
    mark.touch()
    with (folder / "counts").open("a") as counts:
        counts.write(f"{{len(list(folder.glob('*.mark')))}}\\n")
    time.sleep(0.5)
    mark.unlink()
    work(self)

RunBatch.main = main
"""


def test_as_many_set_up_at_once_as_there_are_cpus(
    gateway: Gateway, server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    together = threading.Barrier(4)  # all ask their model at once: that holds up nobody

    def answer(_: Body) -> dict[str, Any]:
        together.wait(60)
        return {"content": "submitted"}

    server.answer = answer
    own = (STAND_IN / "sweagent" / "run" / "run_batch.py").read_text()
    home = changed_stand_in(tmp_path, "run/run_batch.py", own + SETS_UP.format(folder=str(tmp_path)))

    def work(number: int) -> str:
        instance: Any = {**INSTANCE, "instance_id": f"{NAME}{number}", "problem_statement": str(number)}
        told = dataclasses.replace(task(tmp_path / str(number)), instance=instance)
        return engine.run(told, lambda _: None).exit_status

    with engine_of(home, gateway) as engine, ThreadPoolExecutor(4) as pool:
        assert set(pool.map(work, range(4))) == {"submitted"}
    counts = [int(line) for line in (tmp_path / "counts").read_text().split()]
    assert len(counts) == 4
    assert max(counts) == 2


def test_a_killed_process_ends_its_instances_and_is_replaced(
    engine: sweagent.SweAgentEngine, server: ModelServer, tmp_path: Path
) -> None:
    def answer(_: Body) -> dict[str, Any]:
        [process] = processes()
        process.kill()
        return {"content": "ls"}

    server.answer = answer
    with pytest.raises(UnfinishedError, match="process has died: exit code -9"):
        engine.run(task(tmp_path / "first"), lambda _: None)
    server.answer = plays(FIX, "submitted")
    assert engine.run(task(tmp_path / "second"), lambda _: None).exit_status == "submitted"


def test_a_process_that_dies_before_it_begins_ends_its_instance(
    engine: sweagent.SweAgentEngine, server: ModelServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = launching.Launcher.start

    def kill_and_start(launcher: launching.Launcher, *given: Any) -> threading.Event:
        launcher._imported.wait()
        launcher.kill()
        return start(launcher, *given)

    with monkeypatch.context() as changed, pytest.raises(UnfinishedError, match=r"exit code -9"):
        changed.setattr(launching.Launcher, "start", kill_and_start)
        engine.run(task(tmp_path / "first"), lambda _: None)
    server.answer = plays(FIX, "submitted")
    assert engine.run(task(tmp_path / "second"), lambda _: None).exit_status == "submitted"


def test_an_agent_that_never_asks_is_not_waited_for_for_ever(
    gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweagent, "SETUP_S", 2.0)
    own = (STAND_IN / "sweagent" / "run" / "run_batch.py").read_text()
    home = changed_stand_in(tmp_path, "run/run_batch.py", f"{own}\nRunBatch.main = lambda self: time.sleep(600)\n")
    with engine_of(home, gateway) as engine, pytest.raises(UnfinishedError, match="has asked for nothing in 2 s"):
        engine.run(task(tmp_path), lambda _: None)


def test_who_waits_for_a_turn_while_the_process_is_killed_gets_the_next_one(
    engine: sweagent.SweAgentEngine, server: ModelServer, tmp_path: Path
) -> None:
    server.answer = plays(FIX, "submitted")

    @contextlib.contextmanager
    def turn() -> Iterator[None]:
        [process] = processes()
        process.kill()
        assert engine.run(task(tmp_path / "other"), lambda _: None).exit_status == "submitted"
        yield

    waiting = dataclasses.replace(task(tmp_path / "waiting"), turn=turn)
    assert engine.run(waiting, lambda _: None).exit_status == "submitted"


def test_a_stop_ends_the_import_that_an_agent_waits_for(gateway: Gateway, tmp_path: Path) -> None:
    home = changed_stand_in(tmp_path, "run/run_batch.py", "import time; time.sleep(600)\n")
    with engine_of(home, gateway) as engine:
        threading.Timer(2, engine.stop).start()
        with pytest.raises(StoppedError):
            engine.run(task(tmp_path), lambda _: None)
    assert processes() == []


def test_a_swe_agent_that_cannot_be_imported_says_why(gateway: Gateway, tmp_path: Path) -> None:
    home = changed_stand_in(tmp_path, "run/run_batch.py", "import a_package_that_is_missing\n")
    with (
        engine_of(home, gateway) as engine,
        pytest.raises(UnfinishedError, match=r"does not start: .*a_package_that_is_missing") as raised,
    ):
        engine.run(task(tmp_path), lambda _: None)
    assert raised.value.exit_status == "exit_environment_error"


def test_all_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from tracesmith.agents.launching import Launcher\n"
        "home, log = map(Path, sys.argv[1:])\n"
        "launcher = Launcher(home, Path(sys.executable))\n"
        "launcher.start([], 'key', log)\n"
        "print('started', flush=True)\n"
        "time.sleep(600)\n"
    )
    own = (STAND_IN / "sweagent" / "run" / "run_batch.py").read_text()
    home = changed_stand_in(tmp_path, "run/run_batch.py", f"{own}\nRunBatch.main = lambda self: time.sleep(600)\n")
    process = subprocess.Popen(
        [sys.executable, "-c", program, home, tmp_path / "log"], stdout=subprocess.PIPE, text=True, cwd=ROOT / "scripts"
    )
    assert process.stdout
    assert process.stdout.readline() == "started\n"
    [swe_agent] = processes()
    process.kill()
    process.communicate()
    assert psutil.wait_procs([swe_agent], timeout=60)[1] == []


def test_limits_and_model_come_from_swe_agents_own_file() -> None:
    found = sweagent.read_settings(CONFIG)
    assert found.model == "zai/glm-4.6"
    assert found.limits == engines.Limits(calls=75, cost_usd=3.0, command_s=300.0)
    agent = yaml.safe_load(CONFIG.read_text())["agent"]
    assert agent["model"]["temperature"] == 0.0
    assert agent["tools"]["parse_function"] == {"type": "function_calling"}
    assert {"path": "tools/review_on_submit_m"} in agent["tools"]["bundles"]
    assert not any("vitest run".startswith(word) for word in agent["tools"]["filter"]["blocklist"])
    assert "TypeScript" in agent["templates"]["instance_template"]


def test_what_is_no_installation_or_configuration_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no checkout of SWE-agent"):
        sweagent.find(tmp_path)
    with pytest.raises(InputError, match="no such Python"):
        sweagent.find(STAND_IN, tmp_path / "python")
    (tmp_path / "x.yaml").write_text("system: x\n")
    with pytest.raises(InputError, match="no configuration of SWE-agent"):
        sweagent.read_config(tmp_path / "x.yaml")


def test_another_version_text_or_model_is_another_agent(engine: sweagent.SweAgentEngine) -> None:
    assert engine.identity()["version"] == "1.1.0"
    assert engine.identity()["config"] == yaml.safe_load(CONFIG.read_text())
    assert dataclasses.is_dataclass(sweagent.Installation)
