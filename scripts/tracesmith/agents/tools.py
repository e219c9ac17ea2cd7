"""
The tools of SWE-agent's function-calling bundle, played on a sandbox: bash, str_replace_editor and submit.

Names and arguments are those of SWE-agent 1.1 (tools/edit_anthropic, tools/submit); the words of the observations are
ours.
"""

import shlex
from dataclasses import dataclass
from typing import Any

from tracesmith import workspaces
from tracesmith.errors import InfrastructureError
from tracesmith.sandboxes import base
from tracesmith.sandboxes.base import Completed, Sandbox

COMMAND_TIMEOUT_S = 300
SNIPPET = 4
# A repository of our own over the workspace's objects: what the agent committed, staged or configured changes nothing.
SUBMIT = f"""
set -e
start=${{1:-$(git rev-list --max-parents=0 --all --reflog | tail -n 1)}}
own=$(mktemp -d)
trap 'rm -rf "$own"' EXIT
export GIT_DIR="$own/git" GIT_WORK_TREE="$PWD"
mkdir -p "$GIT_DIR/info" "$GIT_DIR/objects/info" "$GIT_DIR/refs"
echo 'ref: refs/heads/own' >"$GIT_DIR/HEAD"
printf '%s\\n' "${{2:-$PWD/.git/objects}}" >"$GIT_DIR/objects/info/alternates"
printf 'node_modules/\\n' >"$GIT_DIR/info/exclude"
printf '* %s\\n' '{workspaces.BYTES_AS_THEY_ARE}' >"$GIT_DIR/info/attributes"
git read-tree "$start"
git -c core.bigFileThreshold=1 -c core.compression=1 add -A 2>"$own/said"
git -c core.quotepath=off diff --cached --binary --no-color --no-ext-diff --no-textconv "$start"
"""


@dataclass(frozen=True)
class Call:
    """One tool call: the name and its arguments."""

    name: str
    arguments: dict[str, Any]

    def action(self) -> str:
        """Return the call as SWE-agent's `action` text."""
        if self.name == "bash":
            return str(self.arguments["command"])
        words = [self.name]
        for key, value in self.arguments.items():
            if key in ("command", "path"):
                words.append(shlex.quote(str(value)))
            else:
                values = value if isinstance(value, list) else [value]
                words += [f"--{key}", *(shlex.quote(str(item)) for item in values)]
        return " ".join(words)


def perform(box: Sandbox, call: Call) -> str:
    """Perform a call and return the observation. Raises InfrastructureError for a call that the tools do not know."""
    if call.name == "bash":
        done = box.run(["bash", "-c", call.arguments["command"]], timeout_s=COMMAND_TIMEOUT_S)
        note = f"\n(ended by the {done.killed} limit)" if done.killed else ""
        return done.text + note
    if call.name == "submit":
        return submission(box)
    if call.name == "str_replace_editor":
        return _edit(box, call.arguments)
    raise InfrastructureError(f"unknown tool {call.name}")


def submission(box: Sandbox, start: str = "") -> str:
    """
    Return the patch of everything that changed since the workspace's commit, as git would see it without the agent.

    `start` is that commit, as `workspaces.make` returns it; else it is the oldest one that there is.
    """
    done = difference(box, start)
    if done.exit_code or done.killed:
        raise InfrastructureError(
            f"no patch can be made of the workspace ({done.killed or done.exit_code}): {done.text[-500:].strip()}"
        )
    return text_of(done)


def difference(box: Sandbox, start: str, objects: str = "", timeout_s: float = 120) -> Completed:
    """Run the command that prints this patch; `objects` is a folder of git's with the start, else the workspace's."""
    return box.run(["sh", "-c", SUBMIT, "sh", start, objects], timeout_s=timeout_s)


def text_of(done: Completed) -> str:
    """Return the patch that the command has printed."""
    return done.output.decode("utf-8", "surrogateescape")


def _edit(box: Sandbox, arguments: dict[str, Any]) -> str:
    path = arguments["path"]
    if arguments["command"] == "create":
        base.write_file(box, path, arguments["file_text"].encode("utf-8", "surrogateescape"))
        return f"Wrote {path}."
    data = base.read_file(box, path)
    if data is None:
        return f"There is no file {path}."
    text = data.decode("utf-8", "surrogateescape")
    if arguments["command"] == "view":
        return _view(path, text, arguments.get("view_range"))
    return _replace(box, path, text, arguments["old_str"], arguments["new_str"])


def _view(path: str, text: str, view_range: list[int] | None) -> str:
    lines = text.split("\n")
    first, last = view_range or [1, len(lines)]
    return f"{path}, lines {first} to {last}:\n{_numbered(lines, first, last)}"


def _replace(box: Sandbox, path: str, text: str, old: str, new: str) -> str:
    count = text.count(old)
    if count != 1:
        return f"No change: old_str stands {count} times in {path}, and has to stand once."
    changed = text.replace(old, new)
    base.write_file(box, path, changed.encode("utf-8", "surrogateescape"))
    first = text[: text.index(old)].count("\n") + 1
    last = first + new.count("\n")
    lines = changed.split("\n")
    return f"Changed {path}:\n{_numbered(lines, max(1, first - SNIPPET), min(len(lines), last + SNIPPET))}"


def _numbered(lines: list[str], first: int, last: int) -> str:
    return "\n".join(f"{number:6}\t{lines[number - 1]}" for number in range(first, min(last, len(lines)) + 1))
