"""
Check a row's chain offline: from the source over the bug, the trajectory and the verdict to the bytes of the row.

Each link is made again from what is kept and compared with what the row says it was made from; the tests of the verdict
are run again in the repository's sandbox.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracesmith import files, pool, prepared, records, schemas, scratch, summaries
from tracesmith.environments import sources
from tracesmith.errors import InfrastructureError, InputError
from tracesmith.evaluation import evaluating, trees
from tracesmith.records import Instance
from tracesmith.sft import conversion, lengths, rowfiles, rows, tokens, trajectories
from tracesmith.sft.conversion import Settings
from tracesmith.sft.styles import STYLES

COUNT = {"type": "integer", "minimum": 0}
TEXT = {"type": "string"}
ROW = {
    "type": "object",
    "required": ["patch", "resolved", "tracesmith"],
    "properties": {
        "patch": TEXT,
        "resolved": {"type": "boolean"},
        "tracesmith": {
            "type": "object",
            "required": ["run_id", "repo", "style", "provenance"],
            "properties": {
                "run_id": TEXT,
                "repo": TEXT,
                "style": {"enum": list(STYLES)},
                "provenance": {"type": "object"},
                "tokens": {"type": "object", "additionalProperties": COUNT},
                "part": {
                    "type": "object",
                    "required": ["number", "of", "first_turn"],
                    "properties": {"number": COUNT, "of": COUNT, "first_turn": COUNT},
                },
            },
        },
    },
}
TIMEOUT_S = 600
"""Of one run of the suite, where no sidecar says it."""
LATER = frozenset({"masked_turns", "tokens"})
"""What a row has of filters, and of a tokenizer."""


@dataclass(frozen=True)
class Chain:
    """The files that a row was made from."""

    trajectories: Path
    """The run's folder."""
    dataset: Path
    environment: Path
    report: Path
    prompt: Path
    tokenizer: Path | None = None


@dataclass(frozen=True)
class Link:
    """One step of the chain, and what breaks it; empty where it holds."""

    name: str
    shown: str
    broken: str = ""


def find_row(path: Path, instance_id: str) -> dict[str, Any]:
    """Return the first row of an instance. Raises InputError for none, or one of another tool."""
    for row, _ in rowfiles.read(path):
        if row["instance_id"] == instance_id:
            schemas.check(row, ROW, f"{path}: {instance_id}: no row of tracesmith with a verdict")
            return row
    raise InputError(f"{path}: no row of {instance_id}")


def chain_of(row: dict[str, Any], root: Path, prompts: Path, given: Mapping[str, Path | None]) -> Chain:
    """
    Return where a row's files stand in the folder of a workflow, but for those that are given by their names.

    Raises InputError when the run's folder is not there.
    """
    run_id, repo = row["tracesmith"]["run_id"], row["tracesmith"]["repo"]
    folders = sorted(root.glob(f"trajectories/*/{run_id}"))
    if len(folders) != 1:
        raise InputError(f"{root}/trajectories/*/{run_id}: one folder of this run is wanted, there are {len(folders)}")
    return Chain(
        trajectories=folders[0],
        dataset=given.get("dataset") or root / f"logs/agent_datasets/{repo}_final.json",
        environment=root / f"logs/build_images/{repo}/environment.json",
        report=root / f"logs/run_evaluation/{run_id}/report.json",
        prompt=given.get("prompt") or prompts / trajectories.prompt_name(folders[0]),
        tokenizer=given.get("tokenizer"),
    )


def verify(row: dict[str, Any], chain: Chain) -> Iterator[Link]:
    """Yield the links of a row's chain, the cheap ones first; tests are run only where the tree and the bug hold."""
    environment = prepared.read(chain.environment)
    instance = _instance(chain, row["instance_id"])
    yield from _files(row, chain)
    source = list(_source(row, chain, environment, instance))
    yield from source
    yield from _trajectory(row, chain)
    if chain.tokenizer:
        yield _tokens(row, chain.tokenizer)
    if not any(link.broken for link in source):
        yield _verdict(row, chain, instance)


def _files(row: dict[str, Any], chain: Chain) -> Iterator[Link]:
    made_from = row["tracesmith"]["provenance"]
    for name, path in (("dataset", chain.dataset), ("report", chain.report), ("prompt", chain.prompt)):
        yield _equal(name, str(path), made_from.get(name), files.digest_file(path))


def _source(row: dict[str, Any], chain: Chain, environment: prepared.Environment, instance: Instance) -> Iterator[Link]:
    tree = chain.environment.parent / environment.source
    found = sources.tree_hash(tree)
    yield _equal("source", str(tree), row["tracesmith"]["provenance"].get("source"), found)
    try:
        with trees.build(tree, instance, []) as bugged:
            yield Link("bug", f"fits the source: {', '.join([*bugged.written, *bugged.removed])}")
    except InfrastructureError as error:
        yield Link("bug", str(tree), str(error))


def _trajectory(row: dict[str, Any], chain: Chain) -> Iterator[Link]:
    """Yield the trajectory, its patch, and the row that is made of them again."""
    name, made_from = row["instance_id"], row["tracesmith"]["provenance"]
    where = str(chain.trajectories / name)
    settings = Settings(
        style=row["tracesmith"]["style"],
        prompt=chain.prompt,
        report=chain.report,
        run_id=row["tracesmith"]["run_id"],
        dataset=chain.dataset,
        environment=chain.environment,
        scrub="placeholders" in row["tracesmith"],
    )
    try:
        trajectory, hashes = trajectories.read_with_hashes(chain.trajectories, name)
        yield _equal("trajectory", where, made_from.get("trajectory"), hashes.trajectory)
        yield _equal("patch", where, made_from.get("patch"), hashes.patch)
        made = rows.make(conversion.read_run(chain.trajectories, settings), name, trajectory, hashes)
    except trajectories.UnusableTrajectoryError as error:
        yield Link("conversion", where, str(error))
    else:
        differing = _differing(row, made)
        broken = f"made again, it differs in {', '.join(differing)}" if differing else ""
        yield Link("conversion", f"{len(row['messages'])} messages", broken)


def _differing(row: dict[str, Any], made: dict[str, Any]) -> list[str]:
    """Return the keys in which a row, or a part of one, is not the one that was made again."""
    extras = row["tracesmith"]
    if "part" in extras:
        turns, whole = (sum(one["role"] == "assistant" for one in found["messages"]) for found in (row, made))
        if not 1 <= turns <= whole - extras["part"]["first_turn"]:
            return ["messages"]
        made = lengths.part_again(made, extras["part"], turns)
    again = made["tracesmith"]
    found = [key for key in made if key != "tracesmith" and made[key] != row.get(key)]
    keys = ({*extras, *again} - LATER) - {"provenance"}
    found += [f"tracesmith.{key}" for key in sorted(keys) if extras.get(key) != again.get(key)]
    return found


def _tokens(row: dict[str, Any], tokenizer: Path) -> Link:
    broken = []
    known = row["tracesmith"].get("tokens") or {}
    for template, count in known.items():
        found = tokens.Counter(tokenizer, template).count(row["messages"], row["tracesmith"].get("tools"))
        broken += [f"{template}: {found} tokens, the row says {count}"] if found != count else []
    return Link("tokens", json.dumps(known), "; ".join(broken))


def _verdict(row: dict[str, Any], chain: Chain, instance: Instance) -> Link:
    """Grade the row's patch again as its run was graded: the limit and the second opinion stand beside the report."""
    name, meta = row["instance_id"], summaries.meta_path(chain.report)
    asked = records.check_object(files.read_json(meta), str(meta)).get("made_by", {}).get("settings", {})
    timeout_s, again = float(asked.get("timeout_s", TIMEOUT_S)), bool(asked.get("second_opinion", True))
    prediction = {"instance_id": name, "model_patch": row["patch"], "model_name_or_path": "row"}
    with scratch.folder() as folder:
        files.write_json(folder / "preds.json", {name: prediction})
        files.write_json(folder / "dataset.json", [instance])
        paths = (folder / "preds.json", folder / "dataset.json", chain.environment)
        report = folder / "graded" / "report.json"
        evaluating.evaluate(*paths, timeout_s, report, pool.Share(1), second_opinion=again)
        graded = records.read_run_report(report)
    resolved = name in graded["ids_resolved"]
    broken = "" if resolved is row["resolved"] else f"run again: resolved is {resolved}, the row says {row['resolved']}"
    return Link("verdict", f"resolved: {json.dumps(row['resolved'])}", broken)


def _equal(name: str, where: str, said: str | None, found: str | None) -> Link:
    if said == found:
        return Link(name, f"{where} {str(found)[:12]}")
    return Link(name, where, f"it is {str(found)[:12]}, the row was made from {str(said)[:12]}")


def _instance(chain: Chain, name: str) -> Instance:
    found = {instance["instance_id"]: instance for instance in records.read_instances(chain.dataset)}
    if name not in found:
        raise InputError(f"{chain.dataset}: no instance {name}")
    return found[name]
