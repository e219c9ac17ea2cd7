"""The guides as text: their blocks, and the commands in them."""

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
OUTSIDE = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "config" / "README.md"]
"""Guides that are no pages of the site, which looks after its own links."""
GUIDES = [*OUTSIDE, *sorted((ROOT / "docs").rglob("*.md"))]
LANGUAGES = {"sh", "yaml", "json", "python", "text", "mermaid"}
FENCED = re.compile(r"(?ms)^( *)```(\w*)\n(.*?)^\1```$")
INDENTED = re.compile(r"(?m)(?:^    .*\n|(?<=\n)\n(?=    ))+")
ITEM = re.compile(r"(?m)^(?:-|\d+\.) .*\n(?:  .*\n|\n(?=  ))*")
"""An item of a list: its further lines are indented as well, and are no block."""
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
ASSIGNED = re.compile(r"[A-Za-z_]\w*=")


@dataclass(frozen=True)
class Block:
    """A block of a guide; one that is indented has the language that its text has."""

    guide: Path
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.guide.relative_to(ROOT)}: {self.text[:60].strip()!r}"


def blocks() -> Iterator[Block]:
    """Yield every block of every guide, fenced and indented."""
    for guide in GUIDES:
        text = guide.read_text()
        for _, language, body in FENCED.findall(text):
            yield Block(guide, language, body)
        plain = ITEM.sub("\n", FENCED.sub("", text))
        for found in INDENTED.finditer(plain):
            if found[0].strip():
                body = re.sub(r"(?m)^    ", "", found[0])
                yield Block(guide, "yaml" if isinstance(_as_yaml(body), dict) else "sh", body)


def inline() -> Iterator[Block]:
    """Yield the commands within the text of the guides: code that begins with a program of ours and an argument."""
    for guide in GUIDES:
        for code in INLINE.findall(FENCED.sub("", guide.read_text())):
            if re.match(r"(?:sudo )?(?:make|snakemake|python|(?:scripts|benchmarks)/\w+\.py) \S", code):
                yield Block(guide, "inline", code)


def commands(text: str) -> Iterator[list[str]]:
    """Yield the commands of a block as words, without assignments before them and what is redirected."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line, posix=True, punctuation_chars="|&;")
        lexer.whitespace_split = True
        words: list[str] = []
        for word in [*lexer, ";"]:
            if not set(word) <= set("|&;"):
                words.append(word)
                continue
            if words := _without_prefix(words):
                yield words
            words = []


def _without_prefix(words: list[str]) -> list[str]:
    """Return a command without the variables and the `sudo` before it, and without its redirections."""
    while words and (ASSIGNED.match(words[0]) or words[0] == "sudo" or words[0].startswith("--preserve-env")):
        words = words[1:]
    return [word for word in words if not re.match(r"\d?[<>]", word)]


def _as_yaml(text: str) -> object:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None
