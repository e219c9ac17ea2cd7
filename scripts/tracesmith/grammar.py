"""The parser of TypeScript that bugs and issue texts share: tree-sitter's grammars, chosen by the file's name."""

from functools import cache

import tree_sitter_typescript
from tree_sitter import Language, Parser

FUNCTIONS = frozenset(
    {
        "arrow_function",
        "function_declaration",
        "function_expression",
        "generator_function",
        "generator_function_declaration",
        "method_definition",
    }
)
"""Nodes that are functions, and have a body unless they are only declared."""

SUFFIXES = (".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs")
"""Names of files that the parsers understand."""


def parser_of(path: str) -> Parser:
    """Return the parser for a file name: `.tsx` has a grammar of its own, in which `<T>x` is an element."""
    return _parser(path.endswith(".tsx"))


@cache
def _parser(tsx: bool) -> Parser:
    language = tree_sitter_typescript.language_tsx() if tsx else tree_sitter_typescript.language_typescript()
    return Parser(Language(language))
