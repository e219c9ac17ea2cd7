"""`sweagent run-batch`: ask the model, run what it says, write a step of the trajectory; until it submits."""

import json
import logging
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace

from rich.logging import RichHandler

sys.stdout.write("hello\n")


def post(url, body, headers):
    data, kind = json.dumps(body).encode(), {"Content-Type": "application/json"}
    request = urllib.request.Request(url, data, {**kind, **headers})  # noqa: S310 - our own servers
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
        return json.load(answer)


def load_environment_variables(path):
    sys.stdout.write(f"no variables in {path}\n")


class RunBatchConfig:
    """What it is asked for."""

    def __init__(self, flags):
        self.flags = flags
        self.agent = SimpleNamespace(model=SimpleNamespace(api_key=None))


class RunBatch:
    """A run over a file of one instance."""

    def __init__(self, config):
        self.flags = config.flags
        self.key = config.agent.model.api_key

    @classmethod
    def from_config(cls, config):
        return cls(config)

    def main(self):
        logger = logging.getLogger("sweagent")
        if not logger.handlers:
            logger.addHandler(RichHandler(show_time=False, show_path=False))
        [instance] = json.loads(Path(self.flags["instances.path"]).read_text())
        place, problem = instance["env"]["deployment"], instance["problem_statement"]
        rex, token = f"{place['host']}:{place['port']}", {"X-API-Key": place["auth_token"]}
        folder = Path(self.flags["output_dir"], problem["id"])
        folder.mkdir(parents=True)
        key = {"Authorization": f"Bearer {self.key.get_secret_value()}"}
        post(f"{rex}/create_session", {"session": "default"}, token)
        history = [{"role": "system", "content": "s"}, {"role": "user", "content": problem["text"]}]
        steps, info = [], {"exit_status": None, "submission": None, "model_stats": {"tokens_sent": 1}}

        def write():
            record = {"trajectory": steps, "history": history, "info": info, "replay_config": f"secret {self.key}"}
            (folder / f"{problem['id']}.traj").write_text(json.dumps(record))

        while info["exit_status"] is None:
            try:
                messages = [{"role": one["role"], "content": one["content"]} for one in history]
                asked = {"model": self.flags["agent.model.name"].partition("/")[2], "messages": messages}
                answer = post(f"{self.flags['agent.model.api_base']}/chat/completions", asked, key)
            except urllib.error.HTTPError as error:
                logger.warning("the model refuses: %s", error.code)
                info["exit_status"] = "exit_error"
                break
            command = answer["choices"][0]["message"]["content"]
            if command.startswith("exit_") or command == "submitted":
                info["exit_status"] = command
            elif command == "die":
                sys.exit("died on purpose")
            elif command == "hang":
                time.sleep(600)
            else:
                action = {"action_type": "bash", "session": "default", "command": command, "check": "ignore"}
                seen = post(f"{rex}/run_in_session", {**action, "timeout": 20}, token)["output"]
                history.append({"role": "assistant", "content": command})
                history.append({"role": "user", "content": f"OBSERVATION:\n{seen}"})
                steps.append({"action": command, "observation": seen, "query": messages})
            write()
        write()
