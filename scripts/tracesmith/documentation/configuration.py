"""The reference of the configuration: every key of the schemas with its type, its default and what it does."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from tracesmith import schemas
from tracesmith.documentation import markdown

HEAD = ("key", "type", "default", "what")
PLACES = {"repos": "repos.<name>", "runs": "runs.<run_id>", "mixes": "mixes.<name>"}
"""Where the sections of `defaults` may stand as well, by the key of the schema."""
INTRODUCTION = """\
`config.yaml` has every key with its default and a comment on what happens when it changes. Your own file goes over it
with `--configfile mine.yaml`: name only what is different. An unknown key or a wrong value ends the run before any
work. Sizes such as `10g` count in powers of 1024.
"""
FILES = {
    "agent": (
        "Files of agents",
        "`configs/agent/*.yaml`, named by `agent.config`; a key without a default may be left out.",
    ),
    "profile": (
        "Profiles of repositories",
        "`configs/repos/*.yaml`, or a file of yours that `repos.<name>.profile` names.",
    ),
}
"""Of the other files that a person writes: the title and where they stand, by their schema."""


def page(config: Mapping[str, Any]) -> str:
    """Return the page for the schemas of this checkout and the values of its config.yaml."""
    schema = schemas.read_schema("config")
    parts = [INTRODUCTION, *_of_workflow(schema, config), *_shared(schema, config), *_of_entries(schema)]
    for name, (title, where) in FILES.items():
        parts += [f"## {title}\n", f"{where}\n", _table(schemas.read_schema(name), None)]
    return markdown.page("Configuration", "`schemas/` and `config.yaml`", parts)


def _of_workflow(schema: Any, config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the sections that hold for the whole workflow; first the keys that stand alone."""
    known = schema["properties"]
    entries = {"defaults", *PLACES}
    alone = {key: value for key, value in known.items() if "properties" not in _resolved(value, schema)}
    yield "## The workflow\n"
    yield _table({"properties": {key: alone[key] for key in alone if key not in entries}}, config, schema)
    for key in known:
        if key not in entries and key not in alone:
            yield from _section(key, known[key], config[key], schema, _places("At the top, and in ", key, schema))


def _shared(schema: Any, config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the sections that hold for every repository and run."""
    for key, value in schema["properties"]["defaults"]["properties"].items():
        yield from _section(
            key, value, config["defaults"].get(key, {}), schema, _places("In `defaults` and ", key, schema)
        )


def _of_entries(schema: Any) -> Iterator[str]:
    """Yield what an entry of repos, runs and mixes has besides those sections."""
    shared = schema["properties"]["defaults"]["properties"].keys() | {"sandbox"}
    for key, place in PLACES.items():
        entry = schema["properties"][key]["additionalProperties"]
        own = {name: value for name, value in entry["properties"].items() if name not in shared}
        yield f"## {markdown.code(place)}\n"
        yield f"{schema['properties'][key]['description']}\n"
        yield _table({"properties": own, "required": entry.get("required", [])}, None, schema)


def _section(key: str, value: Any, defaults: Any, schema: Any, places: str) -> Iterator[str]:
    yield f"## {key}\n"
    yield f"{_resolved(value, schema).get('description', '')}{places}\n"
    yield _table(_resolved(value, schema), defaults, schema)


def _places(lead: str, section: str, schema: Any) -> str:
    """Return a sentence on where a section may stand; an empty text where there is but one place."""
    known = schema["properties"]
    found = [place for key, place in PLACES.items() if section in known[key]["additionalProperties"]["properties"]]
    return f" {lead}{' and '.join(map(markdown.code, found))}." if found else ""


def _table(section: Any, defaults: Any, schema: Any | None = None) -> str:
    return markdown.table(HEAD, _rows(section, defaults, schema or section, ""))


def _rows(section: Any, defaults: Any, schema: Any, before: str) -> Iterator[tuple[str, str, str, str]]:
    """Yield a row a key; the keys of a map in it follow it, with its name before theirs."""
    for key, given in section.get("properties", {}).items():
        value = _resolved(given, schema)
        default = defaults.get(key) if isinstance(defaults, Mapping) else None
        name = f"{before}{key}"
        if "properties" in value and value.get("type") == "object":
            yield markdown.code(name), "map", "", value.get("description", "")
            yield from _rows(value, default, schema, f"{name}.")
        else:
            is_known = isinstance(defaults, Mapping) and key in defaults
            shown = _shown(default) if is_known else _otherwise(key, section, value)
            yield markdown.code(name), _type(value, schema), shown, value.get("description", "")


def _resolved(value: Any, schema: Any) -> Any:
    """Return a schema's value without its `$ref`; what stands beside the reference wins."""
    if "$ref" not in value:
        return value
    name = value["$ref"].removeprefix("#/$defs/")
    return {**schema["$defs"][name], **{key: item for key, item in value.items() if key != "$ref"}}


def _otherwise(key: str, section: Any, value: Any) -> str:
    if key in section.get("required", []):
        return "must be given"
    if "default" in value:
        return _shown(value["default"])
    return _shown(None) if "null" in value.get("type", "") else ""


def _shown(value: Any) -> str:
    return markdown.code(json.dumps(value, ensure_ascii=False))


def _type(value: Any, schema: Any) -> str:
    """Return what a value may be, in words."""
    if "enum" in value:
        texts = dict.fromkeys("null" if item is None else str(item) for item in value["enum"])
        return f"one of {', '.join(map(markdown.code, texts))}"
    kinds = value.get("type", "any")
    names = [_kind(kind, value, schema) for kind in ([kinds] if isinstance(kinds, str) else kinds)]
    return " or ".join(names) + _limits(value)


def _kind(kind: str, value: Any, schema: Any) -> str:
    plain = {"string": "text", "integer": "whole number", "boolean": "true or false", "object": "map"}
    if kind != "array":
        return plain.get(kind, kind)
    items = _resolved(value.get("items", {}), schema)
    of = _type(items, schema) if items else "any"
    return (
        f"list of {value['minItems']} ({of})" if value.get("minItems") == value.get("maxItems", 0) else f"list ({of})"
    )


def _limits(value: Any) -> str:
    words = {"minimum": "from", "exclusiveMinimum": "above", "maximum": "to", "exclusiveMaximum": "below"}
    found = [f"{word} {value[key]}" for key, word in words.items() if key in value]
    return f", {' '.join(found)}" if found else ""
