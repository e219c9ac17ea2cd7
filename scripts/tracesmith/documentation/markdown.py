"""What the pages of the reference share: tables, and the line that says how they are made."""

from collections.abc import Iterable, Sequence

MADE_BY = "*Made by `make reference` from {source}: edit those, not this page.*\n"


def page(title: str, source: str, parts: Iterable[str]) -> str:
    """Return a page: its title, where it comes from, and its parts, with a blank line between them."""
    return "\n".join([f"# {title}\n", MADE_BY.format(source=source), *parts])


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a table, or an empty text without rows; what would end a cell is escaped."""
    lines = [_line(row) for row in rows]
    return "".join([_line(head), "|" + "---|" * len(head) + "\n", *lines]) if lines else ""


def code(text: str) -> str:
    """Return a text as code."""
    return f"`{text}`" if text else ""


def prose(text: str) -> str:
    """Return a text in which no tag is read: a `<name>` that is no code is escaped."""
    parts = text.split("`")
    return "`".join(part if place % 2 else part.replace("<", "&lt;") for place, part in enumerate(parts))


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(" ".join(prose(cell).split()).replace("|", "\\|") for cell in cells) + " |\n"
