"""
Have a model write bugs: one function a call, and what it answers is screened like any other candidate.

The calls are made in waves, each of as many as bugs are still wanted, and read in the order of the targets: so the same
bugs come out for any number of calls at once, and no call is made that is not needed. Answers are stored by the client
before they are read; a run that was killed pays for what is missing. A shard makes its part of the first wave, which is
made whatever is answered, and leaves the answers in the store. Refused answers are kept with the reason.
"""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from tracesmith import files, pool, prepared, summaries
from tracesmith.bugs import diffs, screening, sources
from tracesmith.bugs.asking import grafting, targets
from tracesmith.bugs.asking.grafting import Graft, Refusal
from tracesmith.bugs.asking.methods import METHODS
from tracesmith.bugs.asking.targets import Target
from tracesmith.bugs.asking.written import Outcome, Said, Written
from tracesmith.errors import InputError
from tracesmith.llm.client import Client
from tracesmith.llm.errors import PromptRefusedError
from tracesmith.pool import Share
from tracesmith.prompts import Prompt

logger = logging.getLogger(__name__)
FORMAT_VERSION = 1
Call = tuple[Target, int]
"""A function to ask about, and which of several answers about it is wanted."""
SCREENING_S, SCREENING_EACH_S = 600.0, 60.0
"""Of one look of the screens, at most: for the pristine tree, and for each answer more."""


@dataclass(frozen=True)
class WritingSettings:
    """What decides which bugs are written, besides the model."""

    method: str
    """A key of METHODS."""
    prompt: Path
    source_globs: Sequence[str]
    exclude_globs: Sequence[str] = ()
    max_bugs: int | None = None
    """Bugs at most; None asks for all functions."""
    n_bugs: int = 1
    """Answers asked for a function."""
    max_entities: int | None = None
    """Functions at most, drawn by the seed; None is all."""
    seed: int = 24
    screens: Sequence[str] = screening.SCREENS


@dataclass(frozen=True)
class Job:
    """What all calls share."""

    client: Client
    settings: WritingSettings
    prompt: Prompt
    environment_path: Path
    repo: str


def stage_of(repo: str) -> str:
    """Return the name under which the ledger and the caps know the calls for a repository."""
    return f"write_bugs/{repo}"


def write(
    environment_path: Path,
    settings: WritingSettings,
    client: Client,
    output: Path,
    share: Share,
    allow_empty: bool = False,
) -> None:
    """
    Write the bugs of a repository beside the summary, and then the summary.

    A shard makes its part of the first wave's calls and writes neither.

    Raises InputError before any call for a bad prompt or a repository without functions, and when no answer is a bug
    unless that is allowed; IncompleteError when answers are missing.
    """
    environment = prepared.read(environment_path)
    source = environment_path.parent / environment.source
    found = sources.read_folder(source, settings.source_globs, settings.exclude_globs)
    asked = targets.find(found.files, settings.seed, settings.max_entities)
    if not asked:
        raise InputError(
            f"{source}: no function of {targets.FEWEST_LINES} to {targets.MOST_LINES} lines in the {len(found.files)} "
            f"files of the globs {' '.join(settings.source_globs)}; set the globs to where functions are"
        )
    method = METHODS[settings.method]
    prompt = method.read(settings.prompt)
    for target in asked:
        method.messages(prompt, target, 0)  # a text that cannot be filled is told before a call is paid
    job = Job(client, settings, prompt, environment_path, environment.repo)
    calls = [(target, sample) for target in asked for sample in range(settings.n_bugs)]
    if not share.is_whole():
        _answers(job, share.of(calls[: settings.max_bugs]))
        return
    outcome = _ask(job, calls)
    chosen = {**asdict(settings), "prompt": files.digest_file(settings.prompt), "model": client.settings.model}
    chosen |= {"repo": environment.repo, "source": files.digest(found.digests)}
    made_by = summaries.made_by("write_bugs", FORMAT_VERSION, {}, chosen)
    functions = {"found": len(asked), "asked": len({said.target for said in outcome.answers()})}
    outcome.write(output, {"made_by": made_by, "functions": functions}, allow_empty)
    if not outcome.bugs:
        reasons = ", ".join(f"{reason}: {count}" for reason, count in outcome.funnel()["dropped"].items())
        answers = f"{len(outcome.refused)} answers of {client.settings.model}"
        said = (
            f"{settings.prompt}: none of {answers} is a bug ({reasons}); "
            f"see the files refused__*.json below {output.parent} and change the prompt or the model"
        )
        if not allow_empty:
            raise InputError(said)
        logger.warning("%s", said)


def _ask(job: Job, calls: Sequence[Call]) -> Outcome:
    outcome = Outcome(str(job.prompt.values["name"]), job.repo)
    wanted, begun = job.settings.max_bugs or len(calls), 0
    while begun < len(calls) and len(outcome.bugs) < wanted:
        wave = calls[begun : begun + wanted - len(outcome.bugs)]
        _sort(job, _answers(job, wave), outcome)
        begun += len(wave)
        logger.info("%s: %d of %d answers are bugs", job.repo, len(outcome.bugs), begun)
    return outcome


def _answers(job: Job, wave: Sequence[Call]) -> list[Said]:
    answers = list(job.client.each(wave, lambda call: _answer(job, *call), f"{job.settings.method} {job.repo}"))
    pool.check_complete(answers.count(None), len(wave), "answers")
    return [said for said in answers if said is not None]


def _answer(job: Job, target: Target, sample: int) -> Said:
    method, stage = METHODS[job.settings.method], stage_of(job.repo)
    messages = method.messages(job.prompt, target, sample)
    parameters = {"temperature": method.temperature(sample), "drop_params": True}
    try:
        answer = job.client.ask(messages, stage=stage, instance=target.place, sample=sample, **parameters)
    except PromptRefusedError as error:
        return Said(target, sample, str(error), refused="prompt_refused")
    refused = "cut_short" if answer.finish_reason == "length" else None
    return Said(target, sample, answer.text, answer.cost or 0.0, refused)


def _sort(job: Job, answers: Sequence[Said], outcome: Outcome) -> None:
    """Put the answers of one wave among the bugs and the refused ones."""
    held: list[Written] = []
    for said in answers:
        made = Refusal(said.refused) if said.refused else grafting.graft(said.target, said.text)
        if isinstance(made, Graft) and (said.target.file.path, made.key) in outcome.seen:
            made = Refusal("duplicate", made.explanation)
        if isinstance(made, Refusal):
            outcome.refused.append((said, made))
            continue
        outcome.seen.add((said.target.file.path, made.key))
        held.append(Written(said, made, diffs.patch(said.target.file, made.edit)))
    for one, reason in zip(held, _screened(job, held), strict=True):
        if reason is None:
            outcome.bugs.append(one)
        else:
            outcome.refused.append((one.said, Refusal(reason, one.graft.explanation)))


def _screened(job: Job, held: Sequence[Written]) -> list[str | None]:
    if not held or not job.settings.screens:
        return [None] * len(held)
    bugs = {f"answer {position} about {one.said.target.place}": one.patch for position, one in enumerate(held)}
    most = SCREENING_S + SCREENING_EACH_S * len(bugs)
    return screening.look(job.environment_path, bugs, job.settings.screens, most).reasons
