"""
Make a page of a report: one file that needs no network, in which what a repository, a model or a test wrote is text.

A page and its summary are the same bytes for the same inputs, paths and commit, but for a run's times and money.
"""

import base64
import functools
import hashlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import jinja2
from markupsafe import Markup

from tracesmith import files
from tracesmith.errors import InputError
from tracesmith.reports import instances, turns, visible

ROWS_SHOWN = 100
"""Of a table that may be long, before a reader asks for more: a browser lays out what it shows."""
TEMPLATES = Path(__file__).parents[3] / "report"


def render(template: str, **values: Any) -> str:
    """Return the page of a template."""
    return _environment().get_template(template).render(values)


@functools.cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        finalize=_finalize,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"diff_lines": instances.diff_lines, "csp_hash": _csp_hash}
    environment.filters |= {"packed": turns.packed, "readable": _readable}
    environment.globals |= {"finding": _finding, "rows_shown": ROWS_SHOWN}
    return environment


def write(page: str, output: Path, summary: dict[str, Any], summary_path: Path) -> None:
    """Write a page and then its summary."""
    files.write_bytes(output, page.encode("utf-8"))
    # A lone surrogate becomes its JSON escape: written as it is, it would make the file unreadable.
    text = files.json_bytes(summary).decode("utf-8", "surrogatepass")
    files.write_bytes(summary_path, text.encode("utf-8", "backslashreplace"))


def check_outputs(outputs: list[Path], inputs: list[Path]) -> None:
    """Raise InputError when an output is an input or another output."""
    taken = {path.resolve() for path in inputs}
    for path in outputs:
        if path.resolve() in taken:
            raise InputError(f"{path}: is an input too; give --output and --summary names of their own")
        taken.add(path.resolve())


def environment(value: dict[str, Any]) -> dict[str, str]:
    """Return what the page says of an environment.json: nothing that depends on the machine."""
    test = value.get("test") if isinstance(value.get("test"), dict) else {}
    command = test.get("command") if isinstance(test, dict) else None
    found = {
        "Image": value.get("image_name"),
        "Node": value.get("node"),
        "Tests": " ".join(map(str, command)) if isinstance(command, list) else None,
    }
    return {name: text for name, text in found.items() if isinstance(text, str)}


def _finalize(value: Any) -> Any:
    """Make what the page prints visible; jinja2 escapes it afterwards. The template's own markup stays."""
    return visible.text(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _readable(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _finding(**terms: str) -> str:
    """Return the link to the instances, or candidates, of which all terms hold: page.js reads it."""
    return "#f:" + quote(" ".join(f'{key}:"{visible.line(value)}"' for key, value in terms.items()))


def _csp_hash(script: str) -> str:
    return base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
