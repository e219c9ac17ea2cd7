"""
Check a row's chain offline: from the source over the bug, the trajectory and the verdict to the bytes of the row.

Each link is made again from what is kept and compared with what the row says it was made from; the tests of the verdict
are run again in the repository's sandbox.
"""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracesmith import files, pool, prepared, records, scratch
from tracesmith.environments import sources
from tracesmith.errors import InfrastructureError, InputError
from tracesmith.evaluation import evaluating, trees
from tracesmith.records import Instance
from tracesmith.sft import conversion, rowfiles, tokens, trajectories
from tracesmith.sft.conversion import Settings

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
    """Return the first row of an instance. Raises InputError when the file has none."""
    for row, _ in rowfiles.read(path):
        if row["instance_id"] == instance_id:
            return row
    raise InputError(f"{path}: no row of {instance_id}")


def chain_of(row: dict[str, Any], root: Path, prompts: Path, prompt: Path | None, tokenizer: Path | None) -> Chain:
    """
    Return where a row's files stand in the folder of a workflow; the prompt is one of a folder, or the given one.

    Raises InputError when the row does not say its run.
    """
    extras = row.get("tracesmith") or {}
    run_id, repo = extras.get("run_id"), extras.get("repo")
    if not isinstance(run_id, str) or not isinstance(repo, str):
        raise InputError(f"{row['instance_id']}: the row does not say its run and repository: it is not of tracesmith")
    folders = sorted(root.glob(f"trajectories/*/{run_id}"))
    if len(folders) != 1:
        raise InputError(f"{root}/trajectories/*/{run_id}: one folder of this run is wanted, there are {len(folders)}")
    return Chain(
        trajectories=folders[0],
        dataset=root / f"logs/agent_datasets/{repo}_final.json",
        environment=root / f"logs/build_images/{repo}/environment.json",
        report=root / f"logs/run_evaluation/{run_id}/report.json",
        prompt=prompt or prompts / trajectories.prompt_name(folders[0]),
        tokenizer=tokenizer,
    )


def verify(row: dict[str, Any], chain: Chain, timeout_s: float) -> Iterator[Link]:
    """Yield the links of a row's chain, the cheap ones first; a broken one ends it when the next ones build on it."""
    environment = prepared.read(chain.environment)
    instance = _instance(chain, row["instance_id"])
    yield from _files(row, chain)
    yield from _source(row, chain, environment, instance)
    yield _conversion(row, chain)
    if chain.tokenizer:
        yield _tokens(row, chain.tokenizer)
    yield _verdict(row, chain, instance, timeout_s)


def _files(row: dict[str, Any], chain: Chain) -> Iterator[Link]:
    made_from = _provenance(row)
    for name, path in (("dataset", chain.dataset), ("report", chain.report), ("prompt", chain.prompt)):
        yield _equal(name, str(path), made_from.get(name), files.digest_file(path))
    _, hashes = trajectories.read_with_hashes(chain.trajectories, row["instance_id"])
    folder = str(chain.trajectories / row["instance_id"])
    yield _equal("trajectory", folder, made_from.get("trajectory"), hashes.trajectory)
    yield _equal("patch", folder, made_from.get("patch"), hashes.patch)


def _source(row: dict[str, Any], chain: Chain, environment: prepared.Environment, instance: Instance) -> Iterator[Link]:
    tree = chain.environment.parent / environment.source
    found = sources.tree_hash(tree)
    yield _equal("source", str(tree), _provenance(row).get("source"), found)
    yield _equal("environment", str(chain.environment), _provenance(row).get("image_digest"), environment.installed)
    try:
        with trees.build(tree, instance, []) as bugged:
            yield Link("bug", f"fits the source: {', '.join([*bugged.written, *bugged.removed])}")
    except InfrastructureError as error:
        yield Link("bug", str(tree), str(error))


def _conversion(row: dict[str, Any], chain: Chain) -> Link:
    extras = row["tracesmith"]
    name = row["instance_id"]
    with scratch.folder() as folder:
        (folder / "run").mkdir()
        shutil.copytree(chain.trajectories / name, folder / "run" / name)
        settings = Settings(
            style=extras["style"],
            prompt=chain.prompt,
            report=chain.report,
            run_id=extras["run_id"],
            dataset=chain.dataset,
            environment=chain.environment,
            scrub="placeholders" in extras,
        )
        conversion.convert_trajectories(folder / "run", folder / "rows.jsonl", settings)
        made = find_row(folder / "rows.jsonl", name)
    differing = _differing(row, made)
    broken = f"made again, it differs in {', '.join(differing)}" if differing else ""
    return Link("conversion", f"{len(row['messages'])} messages", broken)


def _differing(row: dict[str, Any], made: dict[str, Any]) -> list[str]:
    """Return the keys in which a row is not the one that was made again; of a part of one, the agent's turns decide."""
    extras, again = row["tracesmith"], made["tracesmith"]
    if "part" in extras:
        first = extras["part"]["first_turn"]
        said, wanted = (
            [one["content"] for one in messages if one["role"] == "assistant"]
            for messages in (row["messages"], made["messages"])
        )
        return [] if said == wanted[first : first + len(said)] else ["messages"]
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


def _verdict(row: dict[str, Any], chain: Chain, instance: Instance, timeout_s: float) -> Link:
    name = row["instance_id"]
    prediction = {"instance_id": name, "model_patch": row["patch"], "model_name_or_path": "row"}
    with scratch.folder() as folder:
        files.write_json(folder / "preds.json", {name: prediction})
        files.write_json(folder / "dataset.json", [instance])
        paths = (folder / "preds.json", folder / "dataset.json", chain.environment)
        evaluating.evaluate(*paths, timeout_s, folder / "graded" / "report.json", pool.Share(1))
        graded = records.read_run_report(folder / "graded" / "report.json")
    resolved = name in graded["ids_resolved"]
    broken = "" if resolved is row["resolved"] else f"run again: resolved is {resolved}, the row says {row['resolved']}"
    return Link("verdict", f"resolved: {json.dumps(row['resolved'])}", broken)


def _equal(name: str, where: str, said: str | None, found: str | None) -> Link:
    if said == found:
        return Link(name, f"{where} {str(found)[:12]}")
    return Link(name, where, f"it is {str(found)[:12]}, the row was made from {str(said)[:12]}")


def _provenance(row: dict[str, Any]) -> dict[str, Any]:
    return records.check_object(
        row["tracesmith"].get("provenance"), f"{row['instance_id']}: key 'tracesmith.provenance'"
    )


def _instance(chain: Chain, name: str) -> Instance:
    found = {instance["instance_id"]: instance for instance in records.read_instances(chain.dataset)}
    if name not in found:
        raise InputError(f"{chain.dataset}: no instance {name}")
    return found[name]
