"""
The parser of an agent that writes its calls into its text, as rows of style xml teach it.

It reads what SWE-agent's `xml_function_calling` parser reads, and reads it in the same way: the first call counts.
"""

import re

from tracesmith.agents.tools import Call
from tracesmith.errors import TracesmithError

CALL = re.compile(r"<function=([^>\n]+)>\n?(.*?)</function>", re.DOTALL)
PARAMETER = re.compile(r"<parameter=([^>\n]+)>(.*?)</parameter>", re.DOTALL)


class NoCallError(TracesmithError):
    """A text holds no call that can be made; the message tells the agent why."""


def parse(text: str) -> tuple[str, Call]:
    """Return the thought and the first call of a text, with arguments as texts. Raises NoCallError."""
    match = CALL.search(text)
    if match is None:
        raise NoCallError("No call was found: every answer has to end with one <function=NAME> ... </function>.")
    arguments = {name: _own_lines(value) for name, value in PARAMETER.findall(match[2])}
    thought = text[: match.start()] + text[match.end() :]
    return thought.strip(), Call(match[1], arguments)


def _own_lines(value: str) -> str:
    """Return a value without the line ends that set it apart from its tags."""
    return value.removeprefix("\n").removesuffix("\n") if value.startswith("\n") else value
