"""
Combine valid bugs of one file, or of several files of one module, to bugs that are harder to find.

The parts are merged in memory on the pristine files, so that the patch of the whole is made afresh.
"""

import logging
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tracesmith import files, records, summaries
from tracesmith.bugs import candidate_files, combinations, diffs, hunks, parts, sources
from tracesmith.bugs.candidates import flat_path
from tracesmith.bugs.generation import check_repo
from tracesmith.bugs.parts import Part, Parts
from tracesmith.bugs.sources import Edit
from tracesmith.errors import InputError

logger = logging.getLogger(__name__)
FORMAT_VERSION = 1
FILE, MODULE = "combine_file", "combine_module"
STRATEGIES = (FILE, MODULE)
STORED = re.compile(r"\.?(bug|metadata)__combine_(file|module)__")
"""Candidate files of this method, and temporary ones that a killed run left."""


@dataclass(frozen=True)
class CombiningSettings:
    """What decides which bugs are combined."""

    strategies: Sequence[str] = STRATEGIES
    bugs: int = 2
    """How many bugs make one."""
    depth: int = 2
    """How many folders of a path name the module."""
    max_bugs: int = 50
    """How many combined bugs of a strategy at most."""
    per_place: int = 10
    """How many of them in one file, or in one module, at most."""
    seed: int = 24


@dataclass(frozen=True, eq=False)
class Combined:
    """Several bugs as one."""

    strategy: str
    parts: Sequence[Part]
    """In the order of their names."""
    paths: Sequence[str]
    """The files, sorted."""
    patch: str

    @property
    def name(self) -> str:
        """The strategy and the hash of the patch."""
        return f"{self.strategy}__{files.short_hash(self.patch)}"

    @property
    def folder(self) -> str:
        """The folder of the bug's files, relative to the repository's folder."""
        return MODULE if self.strategy == MODULE else flat_path(self.paths[0])

    @property
    def metadata(self) -> dict[str, Any]:
        """The keys of SWE-smith's metadata files."""
        explanation = "\n".join(part.candidate["explanation"] for part in self.parts)
        cost = round(sum(part.candidate["cost"] for part in self.parts), 6)
        about = {"cost": cost, "explanation": explanation, "output": "", "rewrite": "", "strategy": self.strategy}
        names = [part.name for part in self.parts]
        return {**about, "patch_files": names, "num_patch_files": len(names)}


def combine(patches: Path, report: Path, source: Path, settings: CombiningSettings, output: Path) -> None:
    """Write the list of combined bugs, empty where no bugs go together, and their files beside those of the others."""
    if settings.bugs < 2:
        raise InputError(f"--bugs {settings.bugs}: a combined bug has 2 parts or more")
    candidates = records.read_candidates(patches)
    repo = check_repo(candidates[0]["repo"].rsplit("/", 1)[-1])
    records.check_repo(candidates, repo, patches)
    verdict_of = records.read_verdicts(report, patches, [candidate["instance_id"] for candidate in candidates])
    found = parts.read(patches, candidates, verdict_of, source)
    work = _Work(found, settings, summaries.Funnel())
    made = [one for strategy in dict.fromkeys(settings.strategies) for one in work.combined(strategy)]
    inputs = {"patches": patches, "report": report}
    chosen = {"repo": repo, **asdict(settings), "strategies": list(settings.strategies)}
    about = {**chosen, "source": files.digest(found.digests)}
    meta = {
        "made_by": summaries.made_by("combine_bugs", FORMAT_VERSION, inputs, about),
        "funnel": work.funnel.as_json(),
        "parts": found.funnel.as_json(),
        "strategies": work.counts,
        "why_empty": None if made else _why_empty(work),
    }
    output.unlink(missing_ok=True)
    candidate_files.replace(output.parent / repo, _contents(made), STORED)
    files.write_json(summaries.meta_path(output), meta)
    files.write_json(output, [_row(one, repo) for one in made])
    logger.info("%s: kept %d of %d combinations of %d valid bugs", repo, len(made), work.tried(), len(found.by_name))


class _Work:
    """The combining of one list: what is tried, kept and dropped."""

    def __init__(self, found: Parts, settings: CombiningSettings, funnel: summaries.Funnel) -> None:
        self.found = found
        self.settings = settings
        self.funnel = funnel
        self.counts: dict[str, dict[str, int]] = {}
        self._patches: set[str] = set()

    def tried(self) -> int:
        """Return how many combinations were tried."""
        return sum(count["tried"] for count in self.counts.values())

    def combined(self, strategy: str) -> list[Combined]:
        """Return the combined bugs of a strategy."""
        places = self._places(strategy)
        count = Counter(places=len(places), tried=0, kept=0)
        tries = {place: self._tries(strategy, names) for place, names in places.items()}
        make = partial(self._make, strategy, count)
        made = combinations.draw(tries, make, self.settings.seed, self.settings.max_bugs, self.settings.per_place)
        self.counts[strategy] = dict(count)
        return made

    def _places(self, strategy: str) -> dict[str, list[str]]:
        """Return the names of the parts by file or module, where there are enough of them."""
        places: defaultdict[str, list[str]] = defaultdict(list)
        for name, part in self.found.by_name.items():
            keys = set(part.edits) if strategy == FILE else {self._module(path) for path in part.edits}
            if len(keys) == 1:
                places[keys.pop()].append(name)
        return {place: names for place, names in places.items() if self._is_enough(strategy, names)}

    def _is_enough(self, strategy: str, names: Sequence[str]) -> bool:
        return len(names) >= self.settings.bugs and self._fits(strategy, names)

    def _module(self, path: str) -> str:
        return "/".join(path.split("/")[:-1][: self.settings.depth])

    def _fits(self, strategy: str, names: Sequence[str]) -> bool:
        """Tell whether bugs are of as many files as the strategy wants."""
        return strategy == FILE or len({path for name in names for path in self.found.by_name[name].edits}) > 1

    def _tries(self, strategy: str, names: Sequence[str]) -> Iterator[list[str]]:
        return combinations.tries(names, self.settings.bugs, self.settings.seed, partial(self._fits, strategy))

    def _make(self, strategy: str, count: Counter[str], names: Sequence[str]) -> Combined | None:
        """Return a combination as one bug, or None; either is counted."""
        chosen = [self.found.by_name[name] for name in names]
        edits = _merged(chosen)
        count["tried"] += 1
        if reason := self._fault(edits):
            self.funnel.drop(reason)
            return None
        patch = "".join(diffs.patch(self.found.files[path], *edits[path]) for path in edits)
        if patch in self._patches:
            self.funnel.drop("duplicate_patch")
            return None
        count["kept"] += 1
        self.funnel.keep()
        self._patches.add(patch)
        return Combined(strategy, chosen, list(edits), patch)

    def _fault(self, edits: Mapping[str, Sequence[Edit]]) -> str | None:
        """Return why edits cannot be made together, or None."""
        if not all(map(hunks.apart, edits.values())):
            return "overlap"
        for path, merged in edits.items():
            file = self.found.files[path]
            if sources.parse(path, file.edited(file.joined(merged))) is None:
                return "does_not_parse"
        return None


def _merged(chosen: Sequence[Part]) -> dict[str, list[Edit]]:
    """Return the edits of all parts by path, sorted."""
    merged: defaultdict[str, list[Edit]] = defaultdict(list)
    for part in chosen:
        for path, edits in part.edits.items():
            merged[path] += edits
    return {path: sorted(merged[path], key=lambda edit: edit.start_byte) for path in sorted(merged)}


def _why_empty(work: _Work) -> str:
    usable, tried = len(work.found.by_name), work.tried()
    if tried:
        return f"none of the {tried} combinations that were tried holds"
    return f"no place has {work.settings.bugs} of the {usable} bugs that can be parts"


def _row(one: Combined, repo: str) -> dict[str, Any]:
    return {**one.metadata, "instance_id": f"{repo}.{one.name}", "patch": one.patch, "repo": repo}


def _contents(made: Sequence[Combined]) -> Iterator[tuple[str, bytes]]:
    for one in made:
        yield f"{one.folder}/bug__{one.name}.diff", one.patch.encode("utf-8")
        yield f"{one.folder}/metadata__{one.name}.json", files.json_bytes(one.metadata)
