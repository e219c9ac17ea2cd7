"""The card of an exported dataset, which tells the datasets library where its splits are and people what it is."""

import json
from collections.abc import Mapping
from typing import Any

TEXT = """---
configs:
- config_name: default
  data_files:
{files}
task_categories:
- text-generation
tags:
- software-engineering
- agent
---
# {name}

Trajectories of a software-engineering agent on bugs of TypeScript repositories, made by tracesmith.

| split | rows |
|---|---|
{rows}

`messages` is what a model is trained on (style `{style}`), `patch` what the agent handed in, `resolved` whether the
failing tests passed with it. `tracesmith` holds the rest as JSON: repository, exit status, flags, token counts, and the
hashes of what the row was made from. Bugs whose lines touch each other are on one side of the split.

    from datasets import load_dataset
    rows = load_dataset("path/of/this/folder")
    extras = json.loads(rows["train"][0]["tracesmith"])

The texts quote the repositories that the agent worked on; their licences hold for these quotes.
"""


def card(name: str, counts: Mapping[str, int], row: Mapping[str, Any]) -> str:
    """Return the card of the files with these numbers of rows; `row` is one of them."""
    splits = {path.split("/")[-1].split("-")[0]: path for path in counts}
    listed = [f"  - split: {split}\n    path: {json.dumps(path)}" for split, path in splits.items()]
    table = [f"| {split} | {counts[path]} |" for split, path in splits.items()]
    style = (row.get("tracesmith") or {}).get("style", "unknown")
    return TEXT.format(name=name, files="\n".join(listed), rows="\n".join(table), style=style)
