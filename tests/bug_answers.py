"""What a model that knows tests/data/tiny answers when it is asked for bugs."""

import re

from llm_server import Body, Message

TODO = "// TODO: Implement this function"
MISTAKES = {
    "start <= last.end": "start < last.end",
    "+= end": "-= end",
    "+ 1 +": "+",
    '"-"': '"_"',
    "limit - 1": "limit - 2",
}
NOTHING = {"number": "0", "Interval[]": "[]", "string[]": "[]", "string": '""'}
"""What a function that does nothing returns, by its type."""


def blocks(body: Body) -> list[str]:
    """Return the fenced code of the last message."""
    return re.findall(r"```ts\n(.*?)\n```", body["messages"][-1]["content"], re.DOTALL)


def is_about_bugs(body: Body) -> bool:
    """Tell whether a bug is asked for, and no issue text."""
    said = body["messages"][-1]["content"]
    return TODO in said or "Bugged Code" in said


def with_a_mistake(body: Body) -> Message:
    """Answer `modify` with the function that is shown and a mistake in it, `rewrite` with one that does nothing."""
    code = blocks(body)[-1 if TODO in body["messages"][-1]["content"] else 1]
    if TODO in code:
        returned = NOTHING[code.split("): ")[1].split(" {")[0]]
        code = code.replace(TODO, f"return {returned};")
    for right, wrong in MISTAKES.items():
        code = code.replace(right, wrong)
    return {"content": f"Explanation: one thing is wrong.\n\nBugged Code:\n```ts\n{code}\n```"}
