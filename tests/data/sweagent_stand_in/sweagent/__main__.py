"""`python -m sweagent run-batch`: ask the model, run what it says, write a step of the trajectory; until it submits."""

import json
import os
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path


def post(url, body, headers):
    data, kind = json.dumps(body).encode(), {"Content-Type": "application/json"}
    request = urllib.request.Request(url, data, {**kind, **headers})  # noqa: S310 - our own servers
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=60) as answer:
        return json.load(answer)


def main():
    flags = dict(word.removeprefix("--").split("=", 1) for word in sys.argv[2:])
    [instance] = json.loads(Path(flags["instances.path"]).read_text())
    place, problem = instance["env"]["deployment"], instance["problem_statement"]
    rex, token = f"{place['host']}:{place['port']}", {"X-API-Key": place["auth_token"]}
    folder = Path(flags["output_dir"], problem["id"])
    folder.mkdir(parents=True)
    key = {"Authorization": f"Bearer {os.environ[flags['agent.model.api_key'].removeprefix('$')]}"}
    post(f"{rex}/create_session", {"session": "default"}, token)
    history = [{"role": "system", "content": "s"}, {"role": "user", "content": problem["text"]}]
    steps, info = [], {"exit_status": None, "submission": None, "model_stats": {"tokens_sent": 1}}

    def write():
        record = {"trajectory": steps, "history": history, "info": info, "replay_config": "secret", "environment": "x"}
        (folder / f"{problem['id']}.traj").write_text(json.dumps(record))

    while info["exit_status"] is None:
        try:
            messages = [{"role": one["role"], "content": one["content"]} for one in history]
            asked = {"model": flags["agent.model.name"].partition("/")[2], "messages": messages}
            answer = post(f"{flags['agent.model.api_base']}/chat/completions", asked, key)
        except urllib.error.HTTPError as error:
            sys.stdout.write(f"the model refuses: {error.code}\n")
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
            action = {"action_type": "bash", "session": "default", "command": command, "check": "ignore", "timeout": 20}
            seen = post(f"{rex}/run_in_session", action, token)["output"]
            history += [{"role": "assistant", "content": command}, {"role": "user", "content": f"OBSERVATION:\n{seen}"}]
            steps.append({"action": command, "observation": seen, "query": messages})
        write()
    write()


main()
