"""The reference of the scripts: what each does, an example, and its arguments, as its own parser has them."""

import runpy
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from unittest import mock

from tracesmith import cli
from tracesmith.documentation import markdown

HEAD = ("argument", "default", "what")
INTRODUCTION = """\
Every rule calls the script of its own name; the others are tools for your hands. They work from any folder, and
`--help` prints what stands here. Exit codes: 0 done; 1 an instance was left without a verdict, run it again; 2 wrong
arguments or input, said in one line, with nothing written.
"""


class _ParserMade(BaseException):
    """No error: it ends a script where it would read its command line."""

    def __init__(self, parser: cli.Parser) -> None:
        super().__init__()
        self.parser = parser


def page(scripts: Iterable[Path]) -> str:
    """Return the page of some scripts, in their order."""
    parts = [INTRODUCTION, *(part for script in scripts for part in _section(script))]
    return markdown.page("Scripts", "the parsers in `scripts/*.py`", parts)


def parser_of(script: Path) -> cli.Parser:
    """
    Return the parser of a script, which runs up to the place where it would read its command line.

    Raises ValueError for a script that reads none.
    """
    with mock.patch.object(cli.Parser, "parse_args", _stop):
        try:
            runpy.run_path(str(script), run_name="documented")["main"]()
        except _ParserMade as made:
            made.parser.prog = script.name
            return made.parser
    raise ValueError(f"{script} reads no command line")


def _stop(parser: cli.Parser, *_: object) -> None:
    raise _ParserMade(parser)


def _section(script: Path) -> Iterator[str]:
    parser = parser_of(script)
    yield f"## {script.stem}\n"
    yield from _described(parser.description or "")
    rows = [row for group in parser._action_groups for row in _rows(group)]
    yield markdown.table(HEAD, rows)


def _described(text: str) -> Iterator[str]:
    """Yield the parts of a script's docstring; the indented ones are commands."""
    for part in text.split("\n\n"):
        if part.startswith("    "):
            lines = "\n".join(line.removeprefix("    ") for line in part.splitlines())
            yield f"```sh\n{lines}\n```\n"
        else:
            yield f"{markdown.prose(part.strip())}\n"


def _rows(group: cli.Group) -> Iterator[tuple[str, str, str]]:
    for action in group._group_actions:
        if action.dest == "help":
            continue
        name = ", ".join(action.option_strings) or action.dest
        takes = "" if action.nargs == 0 else _metavar(action)
        shown = f"{name} {takes}".strip() if action.option_strings else takes or name
        many = " …" if action.nargs in ("*", "+") else ""
        yield markdown.code(shown + many), _default(action), _help(action)


def _metavar(action: cli.Action) -> str:
    if action.choices is not None:
        return "{" + ",".join(str(choice) for choice in action.choices) + "}"
    if isinstance(action.metavar, tuple):
        return " ".join(action.metavar)
    return action.metavar or (action.dest.upper() if action.option_strings else action.dest)


def _default(action: cli.Action) -> str:
    if action.required:
        return "must be given"
    if action.nargs == 0 or action.default is None:
        return ""
    value = "python" if str(action.default) == sys.executable else action.default
    return markdown.code(" ".join(map(str, value)) if isinstance(value, list | tuple) else str(value))


def _help(action: cli.Action) -> str:
    """Return the help without what the column of the default says."""
    text = (action.help or "").replace(" (default: %(default)s)", "").replace("default: %(default)s", "")
    return text % vars(action)
