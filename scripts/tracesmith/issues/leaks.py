"""What a text would give away: the patch's own code, the failing tests' names, and commands that run tests."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import PurePosixPath

from tracesmith import patches, suites
from tracesmith.records import Instance
from tracesmith.runners.base import SEPARATOR

TOKEN = re.compile(r"[A-Za-z_$][\w$]*|\d[\w.]*|[=!<>]==?|=>|&&|\|\||\?\?|\+\+|--|\*\*|<=|>=|[^\s\w]")
LITERAL = re.compile(r""""(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`(?:[^`\\]|\\.)*`""")
NAME = re.compile(r"[A-Za-z_$][\w$]*")
COMMENT = re.compile(r"\s*(?://|/\*|\*)")
# Words of the language and of every program: two of them beside each other tell nothing.
COMMON = frozenset(
    re.findall(
        r"\w+",
        "as async await boolean break case catch class const continue default delete do else enum export extends false "
        "finally for from function get if implements import in instanceof interface let length never new null number "
        "of private protected public readonly return set static string super switch this throw true try type typeof "
        "undefined unknown value var void while with yield i j k n x y",
    )
)
GRAM = 4
DISTINCTIVE_NAMES = 2
DISTINCTIVE_LINE = 12
"""Least characters, white space apart, of a line that is nobody's but the patch's."""
AT_THE_ENDS = " \t\r;,{}&|?:"
"""What a line of code may begin and end with, and a quotation of it may not."""
OPERATOR = re.compile(r"[-+*/%<>=!&|?]")
DECLARATION = re.compile(r"(?:export\s+)?(?:const|let|var)\b")

TITLE_WORDS = 4
TITLE_CHARACTERS = 20
"""A shorter title, such as "works" or " a ", is a word like any other."""
FULL_TITLE_WORDS = 3
WORD = re.compile(r"(?<!\S)[A-Za-z][A-Za-z'\u2019-]*[,.;:!?]?(?!\S)")
TEST_LIKE = re.compile(r"[.\-_](?:test|tests|spec|e2e)\.[cm]?[jt]sx?$")
WORDS_FOR_TESTS = r"(?:tests?|specs?|test cases?|unit tests?)"

RUNNERS = r"(?:vitest|jest|mocha|ava|uvu|jasmine|playwright|cypress)"
MANAGERS = r"(?:npm|yarn|pnpm|bun|deno)"
OPTIONS = r"(?:[ \t]+-[^\s`]*)*"
ORDINARY = r"(?!(?:an?|and|are|but|does|fails?|for|in|is|it|on|or|so|that|the|to|was|which|with|works?)\b)"
PROMPT = r"(?:`|^[ \t]*[$%][ \t]*)"
NOT_A_VERSION = r"(?!v?\d)"
COMMANDS = tuple(
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        rf"\b{MANAGERS}{OPTIONS}(?:[ \t]+(?:run|run-script|exec|x|dlx))?{OPTIONS}[ \t]+(?:test|{RUNNERS})\b[\w:-]*",
        r"\bnpm[ \t]+t\b",
        rf"\b(?:npx|bunx|pnpx)[ \t]+{ORDINARY}[\w@.-]+",
        r"\bnode[ \t][^\n`]{0,80}?--test\b",
        r"\bnode_modules/\.bin/\w+",
        rf"\b{RUNNERS}[ \t]+--?[a-zA-Z][\w-]*",
        rf"{PROMPT}{RUNNERS}[ \t]+{NOT_A_VERSION}\S+",
        rf"^[ \t]*(?:[$%][ \t]*)?{RUNNERS}(?:[ \t]+(?:run|watch|{NOT_A_VERSION}\S*[./]\S*))*[ \t]*$",
        rf"(?:{PROMPT}|^[ \t]*)make[ \t]+(?:test|check)\b",
    )
)


def patch_overlap(text: str, patch: str, where: str) -> float:
    """
    Return which share of what a patch changes is in a text: 0 to 1, of the lines taken out or of those put in.

    Counted are runs of four tokens, with two names of the program's own, that stand on one side of the patch only.
    String literals and comments are no part of them: what a program says is what its user sees.
    """
    said = _grams(TOKEN.findall(text))
    sides = [{gram for line in lines for gram in _grams_of_code(line)} for lines in _changed(patch, where)]
    shares = [len(own & said) / len(own) for own in (sides[0] - sides[1], sides[1] - sides[0]) if own]
    return round(max(shares, default=0.0), 3)


def quoted_lines(text: str, patch: str, where: str) -> list[str]:
    """Return the changed lines of a patch that stand whole in a text, white space apart."""
    squeezed = "".join(text.split())
    removed, added = ({line.strip(AT_THE_ENDS) for line in lines} for lines in _changed(patch, where))
    return sorted(line for line in removed ^ added if _is_distinctive(line) and "".join(line.split()) in squeezed)


def named_tests(text: str, instance: Instance) -> list[str]:
    """Return the files and titles of failing tests that a text names."""
    found = set()
    words = _words(text)
    for test in instance["FAIL_TO_PASS"]:
        _, *titles = test.split(SEPARATOR)
        found |= {name for name in _file_names(suites.test_file(test)) if _stands_in(name, text)}
        found |= {title for title in _names_of_test(titles) if _stands_in(title, words)}
        if titles and titles[-1].strip() and _is_called_a_test(titles[-1], text):
            found.add(titles[-1].strip())
    return sorted(found)


def named_commands(text: str) -> list[str]:
    """Return the commands that run tests, as far as they can be told from ordinary words."""
    return sorted({match[0].strip(" \t\n`$>%") for pattern in COMMANDS for match in pattern.finditer(text)})


@cache
def _changed(patch: str, where: str) -> tuple[frozenset[str], frozenset[str]]:
    """Return the lines that a patch takes out and those that it puts in."""
    removed: set[str] = set()
    added: set[str] = set()
    for file in patches.parse(patch, where):
        for hunk in file.hunks:
            before, after = set(hunk.before.split("\n")), set(hunk.after.split("\n"))
            removed |= before - after
            added |= after - before
    return frozenset(removed), frozenset(added)


def _grams_of_code(line: str) -> set[tuple[str, ...]]:
    """Return the telling runs of tokens of a line of code, string literals and comments apart."""
    if COMMENT.match(line):
        return set()
    return {gram for piece in LITERAL.split(line) for gram in _grams(TOKEN.findall(piece)) if _is_telling(gram)}


def _grams(tokens: list[str]) -> set[tuple[str, ...]]:
    return set(zip(*(tokens[start:] for start in range(GRAM)), strict=False))


def _is_telling(gram: tuple[str, ...]) -> bool:
    names = {token for token in gram if NAME.fullmatch(token)}
    return len(names - COMMON) >= DISTINCTIVE_NAMES and len(names) < GRAM


def _is_distinctive(line: str) -> bool:
    """Tell whether nobody but the patch writes this line: two names of the program's own, or one that is worked on."""
    names = set(NAME.findall(line)) - COMMON
    is_worked_on = bool(names) and OPERATOR.search(line) is not None and not DECLARATION.match(line)
    is_long = len("".join(line.split())) >= DISTINCTIVE_LINE
    return is_long and (len(names) >= DISTINCTIVE_NAMES or is_worked_on)


def _words(text: str) -> str:
    return " ".join(text.split()).lower()


def _stands_in(name: str, text: str) -> bool:
    """Tell whether a name stands in a text, not as a part of a longer word."""
    return name in text and re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", text) is not None


def _file_names(path: str) -> Iterator[str]:
    """Yield what a test file is called: its path, the end of it with the folder, its name where it is a test's."""
    parts = PurePosixPath(path).parts
    yield path
    if len(parts) > 2:
        yield "/".join(parts[-2:])
    if TEST_LIKE.search(path):
        yield parts[-1]
        yield re.sub(r"\.[cm]?[jt]sx?$", "", parts[-1])


def _names_of_test(titles: list[str]) -> Iterator[str]:
    """Yield, in lower case, the forms of a test's titles that nobody would write by chance."""
    last = _words(titles[-1]) if titles else ""
    if len(WORD.findall(last)) >= TITLE_WORDS and len(last) >= TITLE_CHARACTERS:
        yield last
    for start in range(len(titles) - 1):
        for separator in (" ", " > ", " \u203a ", " / ", ": ", " - "):
            full = _words(separator.join(titles[start:]))
            if len(WORD.findall(full)) >= FULL_TITLE_WORDS and len(full) >= TITLE_CHARACTERS:
                yield full


def _is_called_a_test(title: str, text: str) -> bool:
    """Tell whether a text calls a title, however short, a test: the test "works"."""
    name = title.strip()
    if name not in text:
        return False
    quoted = rf"[\"'`\u201c\u2018]{re.escape(name)}[\"'`\u201d\u2019]"
    forms = (
        rf"\b{WORDS_FOR_TESTS}[\s:(]{{1,3}}{quoted}",
        rf"{quoted}[\s)]{{1,3}}{WORDS_FOR_TESTS}\b",
        rf"\b(?:it|test)\({quoted}",
    )
    return any(re.search(form, text, re.IGNORECASE) for form in forms)
