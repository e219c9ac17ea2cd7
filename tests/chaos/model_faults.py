"""Faults around a model: a server that misbehaves or is gone for a while, and a kill while calls are under way."""

import json
import signal
from collections import Counter
from pathlib import Path

from llm_server import KEY
from scenes import ENDING_S, Scene, is_script

WRONG = ["429", "503", "drop", "cut", "json", "html", "empty"]
KEYS = {"OPENAI_API_KEY": KEY, "NO_PROXY": "127.0.0.1"}


def misbehave(scene: Scene) -> str:
    """Have the server refuse, break off and talk nonsense, a few times in a row."""
    scene.server.faults = [scene.rng.choice(WRONG) for _ in range(3)]
    wrong = ", ".join(scene.server.faults)
    scene.start()
    code = scene.wait_for_end()
    assert code == 0, f"after {wrong}: {code}\n{scene.said()}"
    return f"{wrong}: {code}"


def vanish(scene: Scene) -> str:
    """Have the server break every connection after some answers, until somebody interrupts the run that tries again."""
    server, some = scene.server, scene.rng.randrange(3)
    server.fault_of = lambda _: "drop" if server.answered >= some else "ok"
    scene.start()
    scene.wait_for(lambda: len(server.calls) > some + 1)
    scene.signal_group(signal.SIGINT)
    code = scene.wait_for_end(ENDING_S)
    server.fault_of = lambda _: "ok"
    return f"gone after {some} answers, then Ctrl-C: {code}"


def kill_caller(scene: Scene) -> str:
    """Kill the script, or everything, while the server thinks."""
    server, some = scene.server, scene.rng.randrange(3)
    server.delay_s = 1.0
    scene.start()
    scene.wait_for(lambda: len(server.calls) > some, 0.01)
    what = scene.rng.choice(["the script", "everything"])
    if what == "everything":
        scene.kill_all()
    else:
        scene.find(is_script).kill()
        scene.wait_for_end()
    server.delay_s = 0.0
    return f"{what}, with call {some + 1} under way"


def check_paid_once(folder: Path) -> None:
    """Check that no answer was paid twice: of each request the ledger has one paid line, and not more."""
    lines = [json.loads(line) for line in (folder / "logs/llm/ledger.jsonl").read_text().splitlines()]
    paid = Counter(line["key"] for line in lines if line["outcome"] == "paid")
    assert paid, "the ledger has no paid line"
    twice = [key for key, count in paid.items() if count > 1]
    assert not twice, f"paid twice: {twice}"
