"""
Write issue texts with a model: a prompt file of SWE-smith's format, and one more try for a text that is refused.

What was asked and answered is kept beside the summary, one file an instance, as SWE-smith does. An answer is paid for
once, since the client keeps it; so the files are the same bytes whenever and however often they are written.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracesmith import files, prompts
from tracesmith.issues.checks import TOO_LONG, Judgement
from tracesmith.issues.verdicts import Issue
from tracesmith.llm.client import Client
from tracesmith.llm.errors import PromptRefusedError
from tracesmith.prompts import Message, Prompt
from tracesmith.records import Instance

TEXT_OR_NOTHING = {"type": ["string", "null"]}
SHAPE = {
    "type": "object",
    "required": ["system", "instance"],
    "additionalProperties": False,
    "properties": {
        "settings": {
            "type": ["object", "null"],
            "additionalProperties": False,
            "properties": {
                "n_instructions": {"type": "integer", "minimum": 1},
                "max_var_tokens": {"type": "integer", "minimum": 100},
            },
        },
        "system": {"type": "string"},
        "demonstration": TEXT_OR_NOTHING,
        "instance": {"type": "string"},
        "model": TEXT_OR_NOTHING,
        "parameters": {"type": ["object", "null"]},
    },
}
SAMPLES, MAX_VAR_TOKENS = 1, 10_000
"""SWE-smith's defaults of n_instructions and max_var_tokens."""
AGAIN = (
    "This text cannot be used. {detail} Write the whole issue again, without that, and answer with nothing but the "
    "issue itself."
)
THOUGHTS = re.compile(r"\s*<think(?:ing)?>.*?</think(?:ing)?>", re.DOTALL)
WRAPPED = re.compile(r"```(?:markdown|md|text|txt)[ \t]*\n(.*)\n```", re.DOTALL)
Judge = Callable[[str], Judgement]


@dataclass(frozen=True)
class Attempt:
    """One text of the model, and what the checks say of it."""

    answer: str
    """As the model wrote it."""
    text: str
    judgement: Judgement
    cost: float | None

    def as_json(self) -> dict[str, Any]:
        """Return what is kept of it."""
        return {"reason": self.judgement.reason, "checks": self.judgement.scores, "text": self.text}


@dataclass(frozen=True)
class Writer:
    """Asks for the texts of one repository."""

    client: Client
    prompt: Prompt
    stage: str
    seed: int
    store: Path
    """Folder of the files that are kept."""

    def write(self, instance: Instance, variables: dict[str, Any], judge: Judge) -> Issue:
        """Return the first text that passes, of as many samples as the prompt wants and one more try."""
        messages = first_request(self.prompt, self.seed, instance, variables)
        attempts: list[Attempt] = []
        try:
            for sample in range(samples(self.prompt)):
                attempts.append(self._ask(instance, messages, sample, judge))
                if attempts[-1].judgement.reason is None:
                    break
            else:
                again = [*messages, *_complaint(attempts[-1])]
                attempts.append(self._ask(instance, again, len(attempts), judge))
            issue = _issue(attempts)
        except PromptRefusedError:
            issue = Issue("", "prompt_refused")
        files.write_json(self.store / f"{instance['instance_id']}.json", self._kept(messages, attempts, issue))
        return issue

    def _ask(self, instance: Instance, messages: Sequence[Message], sample: int, judge: Judge) -> Attempt:
        is_another_sample = 0 < sample < samples(self.prompt)
        answer = self.client.ask(
            messages,
            stage=self.stage,
            instance=instance["instance_id"],
            sample=sample,
            temperature=1.0 if is_another_sample else 0.0,
            drop_params=True,  # some models know no temperature
        )
        text = clean(answer.text)
        judgement = judge(text)
        if answer.finish_reason == "length":
            judgement = Judgement("too_long", f"It was cut off; at most {TOO_LONG} characters.", judgement.scores)
        return Attempt(answer.text, text, judgement, answer.cost)

    def _kept(self, messages: Sequence[Message], attempts: Sequence[Attempt], issue: Issue) -> dict[str, Any]:
        costs = [attempt.cost for attempt in attempts]
        return {
            "messages": list(messages),
            "responses": {self.client.settings.model: [attempt.text for attempt in reversed(attempts)]},
            "cost": None if None in costs else sum(filter(None, costs)),
            "tracesmith": {
                "verdict": "rejected" if issue.reason else "accepted",
                "reason": issue.reason,
                "scores": issue.scores,
                "attempts": [attempt.as_json() for attempt in attempts],
            },
        }


def first_request(prompt: Prompt, seed: int, instance: Instance, variables: dict[str, Any]) -> list[Message]:
    """Return the first request about an instance. Raises InputError when the prompt cannot be filled."""
    return prompt.messages(variables, f"{seed} {instance['instance_id']}")


def samples(prompt: Prompt) -> int:
    """Return how many samples a prompt file wants."""
    return int((prompt.values.get("settings") or {}).get("n_instructions", SAMPLES))


def max_tokens(prompt: Prompt) -> int:
    """Return the most tokens of one variable in a prompt."""
    return int((prompt.values.get("settings") or {}).get("max_var_tokens", MAX_VAR_TOKENS))


def read_prompt(path: Path, variables: set[str]) -> Prompt:
    """Return a prompt file of SWE-smith's format. Raises InputError that names the line or the key."""
    return prompts.read(path, SHAPE, prompts.JinjaTemplate, variables)


def clean(answer: str) -> str:
    """Return the issue of an answer: without the thoughts before it, and a fence around all of it."""
    text = THOUGHTS.sub("", answer, count=1) if THOUGHTS.match(answer) else answer
    wrapped = WRAPPED.fullmatch(text.strip())
    return (wrapped[1] if wrapped and "\n```" not in wrapped[1] else text).strip()


def _complaint(attempt: Attempt) -> list[Message]:
    said = [{"role": "assistant", "content": attempt.answer}] if attempt.answer.strip() else []
    return [*said, {"role": "user", "content": AGAIN.format(detail=attempt.judgement.detail)}]


def _issue(attempts: Sequence[Attempt]) -> Issue:
    last = attempts[-1]
    scores = {**last.judgement.scores, "attempts": len(attempts)}
    return Issue(last.text, last.judgement.reason, scores)
