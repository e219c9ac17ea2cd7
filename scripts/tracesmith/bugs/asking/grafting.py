"""
Graft a model's code into the file it was asked about, or say why it is no bug there.

The code has to be the one function that was asked for, with its signature, in a file that parses; comments that the
original does not have are taken out, since they mark the place.
"""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from tree_sitter import Node

from tracesmith.bugs import normal, sources
from tracesmith.bugs.asking import layout, targets
from tracesmith.bugs.asking.fences import Block, blocks
from tracesmith.bugs.asking.targets import Target
from tracesmith.bugs.normal import NormalForms
from tracesmith.bugs.sources import Edit, SourceFile, code

VAGUE = {"does_not_parse": 1, "no_code": 2}
"""What says least of why an answer is none: a reading of it that was not meant may say so."""
MOST_READINGS = 100
"""Ways to read an answer that are tried: a small model may repeat its fences until it is cut, and they pair up."""
SPACE = re.compile(r"\s+")
JOINED = re.compile(rb"[\w$#\x80-\xff]{2}|[-+*/%&|^<>=!?.]{2}")
"""Two bytes of which a comment kept two tokens apart."""


@dataclass(frozen=True)
class Graft:
    """An answer in its place."""

    edit: Edit
    key: normal.Key
    """Equal for two grafts of a file that make the same code of it."""
    explanation: str


@dataclass(frozen=True)
class Refusal:
    """Why an answer is no bug."""

    reason: str
    explanation: str = ""


def graft(target: Target, answer: str) -> Graft | Refusal:
    """Return the graft of the first way to read an answer that holds, else why the likeliest does not."""
    refusals: list[Refusal] = []
    file = sources.parsed(target.file)
    for block in islice(blocks(answer), MOST_READINGS):
        made = _grafted(target, file, block)
        if isinstance(made, Graft):
            return made
        refusals.append(made)
    return min([*refusals, Refusal("no_code")], key=lambda one: VAGUE.get(one.reason, 0))


def _grafted(target: Target, file: SourceFile, block: Block) -> Graft | Refusal:
    reason = "no_code"
    for text in _readings(target, block.code) if block.code.strip() else ():
        replacement = layout.laid_out(target.code(), target.indent, text).encode("utf-8")
        edit = _without_new_comments(target, file, Edit(target.start, target.end, replacement))
        fault = _fault(target, file, edit)
        if fault is None:
            return _compared(file, edit, block.explanation)
        reason = fault if reason in ("no_code", "does_not_parse") else reason
    return Refusal(reason if block.fenced else "no_code", block.explanation)


def _readings(target: Target, text: str) -> Iterator[str]:
    """Yield the code; without a mark at its end that the file has already; and the function asked for in it."""
    yield text
    if text.rstrip()[-1] in ";,":
        yield text.rstrip()[:-1]
    parsed = sources.parse(target.file.path, text.encode("utf-8"))
    found = [] if parsed is None else [one for one in targets.functions_of(parsed) if _same(one.head(), target.head())]
    lines = _lines_of(target)
    for one in sorted(found, key=lambda one: (_lines_of(one) & lines).total(), reverse=True):  # of a file with several
        if one.code() != text.strip():
            yield one.shown()


def _lines_of(target: Target) -> Counter[str]:
    return Counter(line.strip() for line in target.code().split("\n"))


def _fault(target: Target, file: SourceFile, edit: Edit) -> str | None:
    """Return why an edit does not put the one function into its place, with its signature."""
    tree = file.edited_tree(edit)
    if tree is None:
        return "does_not_parse"
    data = file.edited(edit)
    made = SourceFile(file.path, data, sources.line_starts(data), tree)
    end = edit.start_byte + len(edit.replacement)
    found = [one for one in targets.functions_of(made) if (one.start, one.end) == (target.start, end)]
    if not found:
        return "other_code_around"
    return None if any(_same(one.head(), target.head()) for one in found) else "signature_changed"


def _same(one: str, other: str) -> bool:
    return SPACE.sub("", one) == SPACE.sub("", other)


def _without_new_comments(target: Target, file: SourceFile, edit: Edit) -> Edit:
    """Return the edit without the comments that the original does not have, whole lines of them included."""
    tree, data = file.edited_tree(edit), file.edited(edit)
    if tree is None:
        return edit
    known = {SPACE.sub("", text) for text in _comments_in(file.tree.root_node, file.data, target.start, target.end)}
    end = edit.start_byte + len(edit.replacement)
    made, position = b"", target.start
    for node in _comment_nodes(tree.root_node, target.start, end):
        if SPACE.sub("", code(node, data).decode("utf-8")) in known:
            continue
        start, stop = _stretch(data, node)
        made += data[position : max(start, position)]
        made += b" " if JOINED.fullmatch(made[-1:] + data[stop : stop + 1]) else b""
        position = stop
    return Edit(target.start, target.end, (made + data[position:end]).strip())


def _stretch(data: bytes, comment: Node) -> tuple[int, int]:
    """Return the bytes of a comment with the white space before it, and its whole line where nothing else is in it."""
    start, stop = comment.start_byte, comment.end_byte
    while start and data[start - 1 : start] in (b" ", b"\t"):
        start -= 1
    alone = start == 0 or data[start - 1 : start] == b"\n"
    line_end = data.find(b"\n", stop)
    rest = data[stop : line_end if line_end >= 0 else len(data)]
    if alone and not rest.strip() and line_end >= 0:
        return start, line_end + 1
    return (comment.start_byte, stop) if alone else (start, stop)


def _comments_in(root: Node, data: bytes, start: int, end: int) -> Iterator[str]:
    for node in _comment_nodes(root, start, end):
        yield code(node, data).decode("utf-8")


def _comment_nodes(root: Node, start: int, end: int) -> Iterator[Node]:
    """Yield the comments in a stretch, in their order."""
    stack = [root]
    while stack:
        node = stack.pop()
        if node.end_byte <= start or node.start_byte >= end:
            continue
        if node.type == "comment":
            yield node
        stack.extend(reversed(node.children))


def _compared(file: SourceFile, edit: Edit, explanation: str) -> Graft | Refusal:
    tree = file.edited_tree(edit)
    if tree is None:
        return Refusal("does_not_parse", explanation)
    forms = NormalForms(file)
    before = forms.pristine(edit)
    key = forms.edited(edit, tree)
    return Refusal("unchanged", explanation) if key == before else Graft(edit, key, explanation)
