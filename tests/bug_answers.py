"""What a model that knows tests/data/tiny answers when it is asked for bugs."""

import re

from llm_server import Body, Message, last_text

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
    return re.findall(r"```ts\n(.*?)\n```", last_text(body), re.DOTALL)


def is_about_bugs(body: Body) -> bool:
    """Tell whether a bug is asked for, and no issue text."""
    return TODO in last_text(body) or "Bugged Code" in last_text(body)


def with_a_mistake(body: Body) -> Message:
    """Answer `modify` with the function that is shown and a mistake in it, `rewrite` with one that does nothing."""
    code = blocks(body)[-1 if TODO in last_text(body) else 1]
    if TODO in code:
        returned = NOTHING[code.split("): ")[1].split(" {")[0]]
        code = code.replace(TODO, f"return {returned};")
    for right, wrong in MISTAKES.items():
        code = code.replace(right, wrong)
    return {"content": f"Explanation: one thing is wrong.\n\nBugged Code:\n```ts\n{code}\n```"}
