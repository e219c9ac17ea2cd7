"""Tell which test files see nothing but themselves: they import the runner, and name nothing that reaches further."""

from tracesmith import grammar

RUNNERS = {"vitest", "@jest/globals"}
REACHING = {"Function", "eval", "fetch", "global", "globalThis", "jest", "module", "process", "require", "vi", "vitest"}
"""Names by which code gets at files, modules or programs without an import."""


def is_closed(path: str, data: bytes) -> bool:
    """Tell whether a test file imports nothing but its runner and can load nothing later."""
    stack = [grammar.parser_of(path).parse(data).root_node]
    while stack:
        node = stack.pop()
        text = (node.text or b"").decode("utf-8", "replace")
        if node.is_error or node.type == "import" or (node.type == "identifier" and text in REACHING):
            return False
        source = node.child_by_field_name("source")
        if source is not None and (source.text or b"").decode("utf-8", "replace").strip("\"'") not in RUNNERS:
            return False
        # The import keyword itself is a node of the type that a dynamic import has.
        stack += node.named_children if node.type == "import_statement" else node.children
    return True
