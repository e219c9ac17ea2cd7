"""The picture of the rules in README.md: what Snakemake draws, without the arrows that others imply."""

import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from tracesmith import files
from tracesmith.errors import InputError

BLOCK = re.compile(r"(?s)(?<=<!-- rules: made by `make reference` -->\n).*?(?=<!-- end of rules -->)")
Arrows = set[tuple[str, str]]


def draw(graph: Path, output: Path) -> None:
    """
    Put the graph of `snakemake --rulegraph mermaid-js` into the file that holds its place.

    Raises InputError when the graph has no arrow, or the file no place for it.
    """
    found = arrows(files.read_text(graph))
    if not found:
        raise InputError(f"{graph}: no arrow; `snakemake --rulegraph mermaid-js` writes such a file")
    text = files.read_text(output)
    if len(BLOCK.findall(text)) != 1:
        raise InputError(f"{output}: wanted is one place between the comments `rules` and `end of rules`")
    files.write_bytes(output, BLOCK.sub(lambda _: mermaid(found), text).encode())


def arrows(graph: str) -> Arrows:
    """Return which rule goes before which, of Snakemake's Mermaid text."""
    names = dict(re.findall(r"(?m)^\s*(id\d+)\[(\w+)\]", graph))
    return {(names[first], names[second]) for first, second in re.findall(r"(id\d+) --> (id\d+)", graph)}


def mermaid(found: Arrows) -> str:
    """
    Return a Mermaid block of the arrows that no way over other rules implies, in the order of the steps.

    Raises InputError when rules stand before each other, as for targets that go through a rule twice.
    """
    before: dict[str, set[str]] = {}
    for first, second in sorted(found):
        before.setdefault(first, set())
        before.setdefault(second, set()).add(first)
    try:
        place = {rule: number for number, rule in enumerate(TopologicalSorter(before).static_order())}
    except CycleError as error:
        raise InputError(f"rules stand before each other: {', '.join(error.args[1])}; draw other targets") from None
    kept = sorted(
        (arrow for arrow in found if not _implied(arrow, found)), key=lambda arrow: [place[rule] for rule in arrow]
    )
    lines = [f"    {first} --> {second}\n" for first, second in kept]
    return "".join(["```mermaid\n", "flowchart TB\n", *lines, "```\n"])


def _implied(arrow: tuple[str, str], found: Arrows) -> bool:
    """Tell whether a way of several arrows leads from the first rule to the second."""
    first, last = arrow
    waiting, seen = {second for start, second in found if start == first and second != last}, set[str]()
    while waiting:
        rule = waiting.pop()
        seen.add(rule)
        waiting |= {second for start, second in found if start == rule} - seen
    return last in seen
