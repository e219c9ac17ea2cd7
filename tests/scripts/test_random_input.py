"""
Every script over inputs that are broken at random: it takes them or refuses them in one line, and never half.

Hypothesis breaks a file of a finished run: a value anywhere in it becomes another one, goes, or stands twice, or some
bytes do. The seed is fixed, so that a failure is one for everybody.
"""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from line_inputs import READERS, SCRIPTS, contents, put_back, run, run_in_fork

EXAMPLES = 15
"""For each of the files and scripts, of which there are more than 35: over 500 together."""
THREADED = ("export_rows",)
"""What has threads of pyarrow: a fork of a process that has used them already may crash."""
PAIRS = [(file, script) for file, scripts in READERS.items() for script in scripts]
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-2, 2**70),
    st.floats(),
    st.text(max_size=30),
    st.sampled_from(["../x", "/etc/passwd", "a\x00b", "\ud800", "-rf", "x" * 5000, "<|im_end|>", "\u2028"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return where the values of a JSON value stand, by the keys that lead there."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, one in inner for place in places(one, (*path, key)))]


@st.composite
def broken_json(draw: st.DrawFn, text: str) -> bytes:
    """Break a value of a JSON text, of which JSONL is a list of lines."""
    is_lines = len(text.strip().split("\n")) > 1 and not text.startswith(("[\n", "{\n"))
    value = [json.loads(line) for line in text.splitlines()] if is_lines else json.loads(text)
    value = copy.deepcopy(value)
    *way, last = draw(st.sampled_from(places(value)[1:]))
    holder = value
    for key in way:
        holder = holder[key]
    what = draw(st.sampled_from(["another", "another", "gone", "twice"]))
    if what == "another":
        holder[last] = draw(VALUES)
    elif what == "gone":
        del holder[last]
    elif isinstance(holder, list):
        holder.insert(last, holder[last])
    else:
        holder[f"{last}2"] = holder[last]
    return "\n".join(map(json.dumps, value)).encode() + b"\n" if is_lines else json.dumps(value).encode()


@st.composite
def broken_bytes(draw: st.DrawFn, data: bytes) -> bytes:
    """Break a file where it is no text of its format any more, or by chance another one."""
    place = draw(st.integers(0, len(data) - 1))
    put = draw(st.one_of(st.binary(min_size=1, max_size=4), st.sampled_from([b'"', b"}", b",", b"\r", b": ", b"\n- "])))
    return draw(
        st.sampled_from([data[:place], data[:place] + put + data[place:], data[:place] + put + data[place + 1 :]])
    )


@pytest.mark.parametrize(("file", "script"), PAIRS, ids=lambda part: Path(part).name)
@settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large],
)
@seed(24)
@given(data=st.data())
def test_input_broken_at_random_is_taken_or_refused(shared: Path, file: str, script: str, data: st.DataObject) -> None:
    before = contents(shared)
    good = before[file] or b""
    kinds = [broken_bytes(good)]
    if file.endswith((".json", ".jsonl")):
        kinds.append(broken_json(good.decode()))
    broken = data.draw(st.one_of(*kinds))
    (shared / file).write_bytes(broken)
    try:
        start = run if script in THREADED else run_in_fork
        done = start(shared, script, SCRIPTS[script].command())
        check(done.returncode, done.stderr, is_same=contents(shared) == before | {file: broken})
    finally:
        put_back(shared, before)


def check(code: int, said: str, *, is_same: bool) -> None:
    """Check that a script took its input, refused it, or came as far as the sandbox, which cannot be opened."""
    assert "Traceback" not in said, said
    assert code in (0, 1, 2), said
    if code == 2:
        assert said.startswith("error: "), said
        assert said.count("\n") == 1, said
        assert is_same, said
    if code == 1:
        assert "ocker" in said.splitlines()[-1], said
