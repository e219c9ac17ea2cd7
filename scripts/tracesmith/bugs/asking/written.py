"""What became of a model's answers: the bugs among them, the others with the reason, and the files that say so."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tracesmith import files, summaries
from tracesmith.bugs import candidate_files
from tracesmith.bugs.asking.grafting import Graft, Refusal
from tracesmith.bugs.asking.targets import Target
from tracesmith.bugs.candidates import flat_path
from tracesmith.bugs.normal import Key


@dataclass(frozen=True)
class Said:
    """What was answered to one call."""

    target: Target
    sample: int
    text: str = ""
    cost: float = 0.0
    refused: str | None = None
    """Why there is nothing to read in the answer."""

    @property
    def folder(self) -> str:
        """The folder of the function's files, relative to the repository's."""
        return f"{flat_path(self.target.file.path)}/{self.target.entity.folder_name}"


@dataclass(frozen=True)
class Written:
    """An answer that is a bug."""

    said: Said
    graft: Graft
    patch: str


@dataclass
class Outcome:
    """What became of the answers so far."""

    strategy: str
    repo: str
    bugs: list[Written] = field(default_factory=list)
    refused: list[tuple[Said, Refusal]] = field(default_factory=list)
    seen: set[tuple[str, Key]] = field(default_factory=set)
    """Paths and what was made of them: the same again is a duplicate."""

    def answers(self) -> list[Said]:
        """Return all answers."""
        return [*(one.said for one in self.bugs), *(said for said, _ in self.refused)]

    def funnel(self) -> dict[str, Any]:
        """Return how many answers came, are bugs, and are none for which reason."""
        funnel = summaries.Funnel()
        for _ in self.bugs:
            funnel.keep()
        for _, refusal in self.refused:
            funnel.drop(refusal.reason)
        return funnel.as_json()

    def write(self, output: Path, about: Mapping[str, Any], allow_empty: bool) -> None:
        """Write the files of all answers beside the summary, and then the summary unless bugs are missed in it."""
        contents: dict[str, bytes] = {}
        rows = [self._bug(one, contents) for one in self.bugs]
        refused = [self._refused(said, refusal, contents) for said, refusal in self.refused]
        summary = {
            **about,
            "funnel": self.funnel(),
            "cost_usd": round(sum(said.cost for said in self.answers()), 6),
            "candidates": rows,
            "refused": refused,
        }
        mine = re.compile(rf"\.?(bug|metadata|refused)__{re.escape(self.strategy)}__")
        candidate_files.write(output, contents.items(), mine, summary if self.bugs or allow_empty else None)

    def _bug(self, one: Written, contents: dict[str, bytes]) -> dict[str, str]:
        """Add the files of a bug and return its row in the summary."""
        target, name = one.said.target, f"{self.strategy}__{files.short_hash(one.patch)}"
        diff, metadata = f"{one.said.folder}/bug__{name}.diff", f"{one.said.folder}/metadata__{name}.json"
        about = {"cost": one.said.cost, "explanation": one.graft.explanation, "output": one.said.text}
        rewrite = one.graft.edit.replacement.decode("utf-8")
        contents[diff] = one.patch.encode("utf-8")
        contents[metadata] = files.json_bytes({**about, "rewrite": rewrite, "strategy": self.strategy})
        row = {"instance_id": f"{self.repo}.{name}", "strategy": self.strategy, "file": target.file.path}
        return {**row, "entity": target.entity.name, "diff": diff, "metadata": metadata}

    def _refused(self, said: Said, refusal: Refusal, contents: dict[str, bytes]) -> dict[str, Any]:
        """Add the file of an answer that is no bug and return its row in the summary."""
        hash8 = files.short_hash(f"{said.target.place}:{said.sample}:{said.text}")
        path = f"{said.folder}/refused__{self.strategy}__{hash8}.json"
        row = {"file": said.target.file.path, "entity": said.target.entity.name, "reason": refusal.reason}
        about = {"cost": said.cost, "explanation": refusal.explanation, "output": said.text}
        contents[path] = files.json_bytes({**row, "sample": said.sample, **about, "strategy": self.strategy})
        return {**row, "answer": path}
