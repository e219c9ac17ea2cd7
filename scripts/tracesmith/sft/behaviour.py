"""What an agent did on its way: integrity flags of its commands and its patch, and turns that ended in an error."""

import re
from collections.abc import Iterable

from tracesmith.prepared import TestSettings
from tracesmith.sft.turns import Trajectory, Turn

COMMAND_START = r"(?:^|[;&|(`\n]\s*|\b(?:sudo|env|xargs|time)\s+)"
COMMANDS = {
    "mines_history": (
        ("git",),
        COMMAND_START + r"git\s+(?:-\S+\s+\S+\s+)*(?:log|reflog|fsck|show|cat-file|blame|bisect"
        r"|rev-list|branch\s+-a|checkout\s+(?!--\s|\.)\S*(?:HEAD[~^]|origin|main|master)|diff\s+\S*(?:HEAD[~^]|origin/))",
    ),
    "tries_network": (
        ("curl", "wget", "ssh", "scp", "nc", "telnet", "ping", "git", "npm", "pnpm", "yarn", "bun", "pip", "npx"),
        COMMAND_START + r"(?:curl|wget|ssh|scp|nc|telnet|ping|git\s+(?:fetch|pull|clone|ls-remote)"
        r"|(?:npm|pnpm|yarn|bun)\s+(?:i|install|add|view|info|pack|update|dlx|create|ci)\b|pip3?\s+install|npx\s+(?:-y|--yes)\b)",
    ),
}
"""
Flags of what an agent ran, beside those of integrity.py for what it handed in. What matches the pattern holds one of
the words, which is faster to see.
"""
FAILURES = re.compile(
    r"(?:OBSERVATION:\s*)?(?:<exception>|Your command was NOT executed|Your bash command contained syntax errors|ERROR:"
    r"|No replacement was performed|Invalid `|The path \S+ (?:does not exist|is not an absolute path)"
    r"|The command .{0,200}? was cancelled"
    r"|Unknown (?:command|tool)|usage: )",
    re.DOTALL,
)
"""How the observation of a command that was refused, or that the editor could not do, begins."""


def flags(trajectory: Trajectory, test: TestSettings | None, graded: Iterable[str]) -> list[str]:
    """Return the flags of a trajectory: its commands', its patch's where the test files are known, and its grade's."""
    found = {*graded}
    commands = [_command(turn) for turn in trajectory.turns if turn.role == "assistant"]
    together = "\n".join(commands)
    for flag, (words, pattern) in COMMANDS.items():
        if any(word in together for word in words) and any(re.search(pattern, command) for command in commands):
            found.add(flag)
    if test is not None and trajectory.patch.strip():
        from tracesmith import integrity  # noqa: PLC0415 - its patterns take a fifth of the time of starting

        found.update(integrity.examine(trajectory.patch, test).flags)
    return sorted(found)


def error_turns(trajectory: Trajectory) -> list[int]:
    """Return which turns of the agent, counted from 0, were answered by an error of the tool."""
    found: list[int] = []
    number = -1
    for turn in trajectory.turns:
        if turn.role == "assistant":
            number += 1
        elif number >= 0 and _failed(turn) and number not in found:
            found.append(number)
    return found


def actions(trajectory: Iterable[Turn]) -> list[str]:
    """Return what the agent did, turn by turn, as one line each."""
    return [" ".join(_command(turn).split()) for turn in trajectory if turn.role == "assistant"]


def _command(turn: Turn) -> str:
    if turn.calls:
        return "\n".join([str(call.arguments.get("command", call.name)) for call in turn.calls])
    return turn.action or ""


def _failed(turn: Turn) -> bool:
    return bool(FAILURES.match(turn.text))
