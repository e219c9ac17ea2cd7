"""
Rows in the formats of other trainers.

Parquet for the Hugging Face datasets library, ShareGPT for LLaMA-Factory, and pairs of a resolved and an unresolved
trajectory of one instance for DPO.
"""

import json
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from tracesmith import files, summaries
from tracesmith.errors import InputError
from tracesmith.sft import cards, preferences, rowfiles

logger = logging.getLogger(__name__)
FORMAT_VERSION = 1
ROWS_AT_ONCE = 64
"""Rows of a Parquet row group, held in memory together."""
SHAREGPT = {"user": "human", "assistant": "gpt", "tool": "observation"}


@dataclass(frozen=True)
class Source:
    """The files that an export is made of."""

    name: str
    """Of the dataset."""
    train: Path
    validation: Path
    everything: Sequence[Path] = ()
    """All rows with their verdicts, resolved or not, of one run or of several; preferences are made of them."""


def export_rows(source: Source, kind: str, folder: Path) -> dict[str, int]:
    """Write an export with its manifest, last, and return how many rows each file has."""
    counts = KINDS[kind](source, folder)
    inputs = {"train": source.train, "validation": source.validation}
    inputs |= {f"rows.{number}": path for number, path in enumerate(source.everything, start=1)}
    made_by = summaries.made_by("export_rows", FORMAT_VERSION, inputs, {"format": kind, "name": source.name})
    written = {name: {"rows": count, "sha256": files.digest_file(folder / name)} for name, count in counts.items()}
    files.write_json(folder / "manifest.json", {"made_by": made_by, "files": written})
    logger.info("exported %d rows as %s", sum(counts.values()), kind)
    return counts


def _parquet(source: Source, folder: Path) -> dict[str, int]:
    found = [next(rowfiles.read(path))[0] for path in (source.train, source.validation)]
    tools = any(message.get("tool_calls") for row in found for message in row["messages"])
    counts = {}
    for split, path in (("train", source.train), ("validation", source.validation)):
        name = f"data/{split}-00000-of-00001.parquet"
        counts[name] = _write_parquet(path, folder / name, tools)
    files.write_bytes(folder / "README.md", cards.card(source.name, counts, found[0]).encode("utf-8"))
    return counts


def _write_parquet(rows: Path, output: Path, tools: bool) -> int:
    import pyarrow as pa  # noqa: PLC0415 - a tenth of a second that other formats need not pay
    import pyarrow.parquet as pq  # noqa: PLC0415

    schema = _schema(pa, tools)
    count, waiting = 0, []
    with files.atomic_writer(output) as out, pq.ParquetWriter(out, schema, compression="zstd") as writer:
        for row, _ in rowfiles.read(rows):
            waiting.append(_flat(row, tools))
            count += 1
            if len(waiting) == ROWS_AT_ONCE:
                writer.write_table(_table(pa, waiting, schema, rows))
                waiting = []
        if waiting:
            writer.write_table(_table(pa, waiting, schema, rows))
    return count


def _table(pa: Any, rows: list[dict[str, Any]], schema: Any, path: Path) -> Any:
    """Return some rows as a table. Raises InputError that names the row of which a value is of another type."""
    try:
        return pa.Table.from_pylist(rows, schema)
    except (pa.ArrowException, UnicodeEncodeError) as error:
        if len(rows) > 1:
            return pa.concat_tables([_table(pa, [row], schema, path) for row in rows])
        raise InputError(f"{path}: {rows[0]['instance_id']}: a value is of no type that Parquet has: {error}") from None


def _schema(pa: Any, tools: bool) -> Any:
    text = pa.string()
    message = [("role", text), ("content", text)]
    if tools:
        call = pa.struct([("name", text), ("arguments", text)])
        calls = pa.list_(pa.struct([("id", text), ("type", text), ("function", call)]))
        message += [("tool_calls", calls), ("tool_call_id", text)]
    columns = [("messages", pa.list_(pa.struct(message))), ("instance_id", text), ("resolved", pa.bool_())]
    columns += [("model", text), ("traj_id", text), ("patch", text), *([("tools", text)] if tools else [])]
    return pa.schema([*columns, ("tracesmith", text)])


def _flat(row: dict[str, Any], tools: bool) -> dict[str, Any]:
    """Return a row whose columns have one type each: what varies is JSON text."""
    extras = dict(row.get("tracesmith") or {})
    found = {key: row.get(key) for key in ("messages", "instance_id", "resolved", "model", "traj_id", "patch")}
    if tools:
        found["tools"] = json.dumps(extras.pop("tools", []))
    return {**found, "tracesmith": json.dumps(extras)}


def _sharegpt(source: Source, folder: Path) -> dict[str, int]:
    counts, info = {}, {}
    for split, path in (("train", source.train), ("validation", source.validation)):
        counts[f"{split}.jsonl"] = _lines(folder / f"{split}.jsonl", _conversations(path))
        columns = {"messages": "conversations", "system": "system"}
        info[f"{source.name}_{split}"] = {
            "file_name": f"{split}.jsonl",
            "formatting": "sharegpt",
            "columns": columns,
        }
    files.write_json(folder / "dataset_info.json", info)
    return counts


def _conversations(path: Path) -> Iterator[dict[str, Any]]:
    for row, _ in rowfiles.read(path):
        messages = row["messages"]
        if any(message.get("tool_calls") for message in messages):
            raise InputError(
                f"{path}: {row['instance_id']} has tool calls, beside which ShareGPT has no place for words; "
                "export rows of style xml or ticks"
            )
        system = messages[0]["content"] if messages[0]["role"] == "system" else ""
        turns = messages[1:] if messages[0]["role"] == "system" else messages
        said = [{"from": SHAREGPT[turn["role"]], "value": turn["content"]} for turn in turns]
        yield {"conversations": said, "system": system, "instance_id": row["instance_id"]}


def _preferences(source: Source, folder: Path) -> dict[str, int]:
    if not source.everything:
        raise InputError("preferences are made of resolved and unresolved rows: give --rows as well")
    train = {rowfiles.group_of(row) for row, _ in rowfiles.read(source.train)}
    pairs = preferences.pairs(source.everything, train)
    first = next(pairs, None)
    if first is None:
        raise InputError(
            f"{source.everything[0]}: no instance of the training side has a resolved and an unresolved row; "
            "take several samples an instance"
        )
    return {"train.jsonl": _lines(folder / "train.jsonl", _chain(first, pairs))}


def _chain(first: dict[str, Any], rest: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    yield first
    yield from rest


def _lines(path: Path, values: Iterator[dict[str, Any]]) -> int:
    with files.atomic_writer(path) as out:
        return sum(map(bool, (_write(out, value) for value in values)))


def _write(out: IO[bytes], value: dict[str, Any]) -> int:
    return out.write(files.json_line(value))


KINDS: dict[str, Callable[[Source, Path], dict[str, int]]] = {
    "parquet": _parquet,
    "sharegpt": _sharegpt,
    "preferences": _preferences,
}
