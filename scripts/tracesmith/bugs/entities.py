"""
The functions and initialisers of a file, and which of them every piece of code belongs to.

Every function-like node is an entity: declarations, methods, accessors, constructors, generators, arrow functions and
function expressions wherever they stand. Code belongs to its innermost entity with a name, so a callback belongs to
the function around it; a callback of the module's top level is an entity of its own. Code outside functions belongs to
what it initialises: a variable, a class field, a static block, an enum, else the module.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256

from tree_sitter import Node

from tracesmith.bugs.sources import SourceFile, code
from tracesmith.grammar import FUNCTIONS

NOT_CODE = frozenset(
    {
        "abstract_method_signature",
        "ambient_declaration",
        "asserts_annotation",
        "comment",
        "decorator",
        "function_signature",
        "implements_clause",
        "import_statement",
        "index_signature",
        "interface_declaration",
        "jsx_text",
        "method_signature",
        "string",
        "type_alias_declaration",
        "type_annotation",
        "type_arguments",
        "type_parameters",
        "type_predicate_annotation",
    }
)
"""Types, strings and decorators: they do not run, or not as a part of the function that they stand in."""
INITIALISERS = {
    "class_static_block": "body",
    "enum_declaration": "body",
    "export_statement": "value",
    "public_field_definition": "value",
    "variable_declarator": "value",
}
"""Nodes outside functions that code belongs to, and the field with the code."""
STATEMENTS = frozenset(
    {
        "do_statement",
        "expression_statement",
        "for_in_statement",
        "for_statement",
        "if_statement",
        "switch_statement",
        "throw_statement",
        "try_statement",
        "while_statement",
    }
)
"""Statements outside functions; they belong to the module."""
NAMING = {
    "assignment_expression": "left",
    "pair": "key",
    "public_field_definition": "name",
    "variable_declarator": "name",
}
"""Nodes that give the function on their right a name, and the field with the name."""
WRAPPERS = frozenset({"as_expression", "non_null_expression", "parenthesized_expression", "satisfies_expression"})
CALLS = frozenset({"arguments", "call_expression"})
LONGEST_NAME = 80


@dataclass(frozen=True)
class Entity:
    """A function-like node or an initialiser, and its name."""

    name: str
    """Letters, digits, `_`, `.` and `-` only; "anonymous" when nothing names it."""
    named: bool
    function: bool
    start_byte: int
    end_byte: int
    signature: str
    """The text from the start to the body."""

    @property
    def folder_name(self) -> str:
        """The name of the entity's folder among the candidates, as SWE-smith makes it."""
        return f"{self.name}_{sha256(self.signature.encode('utf-8')).hexdigest()[:8]}"


def entities_of(file: SourceFile) -> list[Entity]:
    """Return the functions and initialisers of a file, nested ones after the one around them."""
    return [entity for node, owner in _nodes(file) if (entity := _entity(node, file.data, owner)) is not None]


def code_of(file: SourceFile) -> Iterator[tuple[Node, Entity]]:
    """Yield the nodes of the code in entities, each before its children, with the entity that it belongs to."""
    return ((node, owner) for node, owner in _nodes(file) if owner is not None)


def _nodes(file: SourceFile) -> Iterator[tuple[Node, Entity | None]]:
    """Yield every node of code with its owner; a loop with its own stack, for long chains nest deeply."""
    stack: list[tuple[Node, Entity | None]] = [(file.tree.root_node, None)]
    while stack:
        node, owner = stack.pop()
        if owner is None and _belongs_to_module(node):
            owner = Entity("module", True, False, node.start_byte, node.end_byte, "")
        yield node, owner
        entity = _entity(node, file.data, owner)
        if entity is not None and (entity.named or owner is None or not owner.function):
            owner = entity
        stack.extend((child, owner) for child in reversed(_code_children(node)))


def _code_children(node: Node) -> list[Node]:
    children = [child for child in node.named_children if child.type not in NOT_CODE]
    if node.type in {"as_expression", "satisfies_expression"}:
        return children[:1]
    return children


def _entity(node: Node, source: bytes, owner: Entity | None) -> Entity | None:
    if node.type in FUNCTIONS:
        return _function(node, source, owner)
    if owner is None and node.type in INITIALISERS:
        return _initialiser(node, source)
    return None


def _belongs_to_module(node: Node) -> bool:
    return node.type in STATEMENTS and node.named_children[0].type != "internal_module"


def _function(node: Node, source: bytes, owner: Entity | None) -> Entity | None:
    body = node.child_by_field_name("body")
    if body is None:
        return None
    named_by, name = _name(node, WRAPPERS)
    if name is None and (owner is None or not owner.function):
        named_by, name = _name(node, WRAPPERS | CALLS)
    text = _sanitised(code(name, source)) if name is not None else _default_name(node)
    start = named_by.start_byte
    signature = source[start : body.start_byte].decode("utf-8")
    return Entity(text or "anonymous", bool(text), True, start, node.end_byte, signature)


def _initialiser(node: Node, source: bytes) -> Entity | None:
    """Return the entity of a declaration outside functions; a function in it is an entity of its own already."""
    body = value = node.child_by_field_name(INITIALISERS[node.type])
    while value is not None and value.type in WRAPPERS:
        value = value.named_children[0]
    if body is None or value is None or value.type in FUNCTIONS:
        return None
    name = node.child_by_field_name("name")
    text = _sanitised(code(name, source)) if name is not None else ""
    default = {"class_static_block": "static", "export_statement": "default"}.get(node.type, "anonymous")
    signature = source[node.start_byte : body.start_byte].decode("utf-8")
    return Entity(text or default, True, False, node.start_byte, node.end_byte, signature)


def _name(node: Node, through: frozenset[str]) -> tuple[Node, Node | None]:
    """Return the node that names a function, itself or one around it, and the node of the name."""
    own = node.child_by_field_name("name")
    if own is not None:
        return node, own
    around = node.parent
    while around is not None and around.type in through:
        around = around.parent
    if around is None or around.type not in NAMING:
        return node, None
    name = around.child_by_field_name(NAMING[around.type])
    if name is not None and name.type == "member_expression":
        name = name.child_by_field_name("property")
    return around, name


def _default_name(node: Node) -> str:
    return "default" if node.parent is not None and node.parent.type == "export_statement" else ""


def _sanitised(name: bytes) -> str:
    text = name.decode("utf-8").strip("#'\"`[]{} \t\r\n")
    return re.sub(r"[^\w.-]+", "_", text, flags=re.ASCII)[:LONGEST_NAME]
