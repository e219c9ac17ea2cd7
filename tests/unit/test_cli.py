"""What every script shares: argument types that refuse nonsense, exit codes, and errors of one line."""

import argparse
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from processes import said, start
from tracesmith import cli

RUN = """
import sys
from tracesmith import cli, errors

def main():
    kind = sys.argv[1]
    if kind == "wait":
        print("ready", flush=True)
        sys.stdin.read()
    if kind == "bug":
        raise ZeroDivisionError("ours")
    if kind != "well":
        raise getattr(errors, kind)(sys.argv[2])

cli.run(main)
"""


def ended(*arguments: str) -> tuple[int, str]:
    """Return the exit code and what is written to stderr."""
    code = RUN.replace("import sys\n", "import sys\nsys.stderr = sys.stdout\n", 1)
    process = start(code, *arguments)
    output, _ = process.communicate()
    return process.returncode, output


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (cli.positive_int, "1", 1),
        (cli.positive_int, "20", 20),
        (cli.positive_number, "0.5", 0.5),
        (cli.positive_number, "1e3", 1000.0),
        (cli.size, "512m", 512 * 2**20),
        (cli.size, "10G", 10 * 2**30),
        (cli.size, "7", 7),
        (cli.size, "2kb", 2048),
        (cli.shard, "1/1", (1, 1)),
        (cli.shard, "3/4", (3, 4)),
    ],
)
def test_arguments_are_read(read: Callable[[str], Any], text: str, value: Any) -> None:
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "texts"),
    [
        (cli.positive_int, ["", "0", "-1", "1.5", "1_0", "x", " 1", "+1", "nan"]),
        (cli.positive_number, ["", "0", "-1", "nan", "inf", "-inf", "x", "1e999"]),
        (cli.size, ["", "0", "0m", "-1", "1.5g", "10 g", "g", "1p", "10gg"]),
        (cli.shard, ["", "0/4", "5/4", "1", "1/", "/4", "-1/4", "1/0", "1/4/8", "a/b"]),
    ],
)
def test_nonsense_is_refused_with_its_text(read: Callable[[str], Any], texts: list[str]) -> None:
    for text in texts:
        with pytest.raises(argparse.ArgumentTypeError) as raised:
            read(text)
        assert repr(text) in str(raised.value)


def test_the_help_is_the_docstring_as_it_stands() -> None:
    shown = cli.parser("\nDo a thing.\n\n    scripts/x.py A \\\n        --b C\n").format_help()
    assert "Do a thing.\n\n    scripts/x.py A \\\n        --b C\n" in shown


def test_flags_are_not_abbreviated() -> None:
    parser = cli.parser("x")
    parser.add_argument("--workers")
    with pytest.raises(SystemExit):
        parser.parse_args(["--work", "1"])


@pytest.mark.parametrize(
    ("kind", "code"),
    [("InputError", 2), ("InfrastructureError", 1), ("IncompleteError", 1), ("StoppedError", 1)],
)
def test_an_error_for_people_is_one_line_whatever_is_in_it(kind: str, code: int) -> None:
    assert ended(kind, "x.json: bad") == (code, "error: x.json: bad\n")
    assert ended(kind, "npm failed:\n\n  line one\r\nline\u2028two\n") == (
        code,
        "error: npm failed: | line one | line | two\n",
    )


def test_a_bug_of_ours_keeps_its_traceback() -> None:
    code, text = ended("bug")
    assert code == 1
    assert "Traceback" in text
    assert "ZeroDivisionError: ours" in text


def test_all_well_is_0() -> None:
    assert ended("well") == (0, "")


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_ends_with_its_code(sent: signal.Signals, code: int, tmp_path: Path) -> None:
    process = start(RUN, "wait")
    assert said(process) == "ready"
    process.send_signal(sent)
    process.communicate()
    assert process.returncode == code
