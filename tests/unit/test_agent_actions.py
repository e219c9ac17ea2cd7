"""The parser of calls in a text: what an agent that learned rows of style xml writes is what it does."""

import pytest

from tracesmith.agents import actions

BASH = "Look.\n\n<function=bash>\n<parameter=command>{}</parameter>\n</function>"


@pytest.mark.parametrize("command", ["ls", "cat <<'X'\na\n\nb\nX", "echo '<x>' && true", "  ls  ", "printf 'ä\u2028'"])
def test_a_command_is_read_as_it_is_written(command: str) -> None:
    thought, call = actions.parse(BASH.format(command))
    assert (thought, call.name, call.arguments) == ("Look.", "bash", {"command": command})


def test_values_on_lines_of_their_own_lose_those_lines() -> None:
    text = "<function=str_replace_editor>\n<parameter=command>create</parameter>\n"
    text += "<parameter=file_text>\n\na\n</parameter>\n</function>"
    assert actions.parse(text)[1].arguments == {"command": "create", "file_text": "\na"}


def test_the_first_of_several_calls_counts() -> None:
    assert actions.parse(BASH.format("ls") + BASH.format("rm x"))[1].arguments == {"command": "ls"}


@pytest.mark.parametrize("text", ["", "ls", "<function=bash>\n<parameter=command>ls</parameter>"])
def test_a_text_without_a_call_is_told_so(text: str) -> None:
    with pytest.raises(actions.NoCallError, match="every answer has to end with one <function=NAME>"):
        actions.parse(text)
