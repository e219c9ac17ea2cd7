"""
What mini-swe-agent is put together from here: its agent and its model's parsing, our sessions and our sandboxes.

Imported when the engine is made: mini-swe-agent costs seconds, makes a folder and reads a file of its user's at import.
"""

import json
import math
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, cast

import litellm
from jinja2 import StrictUndefined, Template
from minisweagent.agents.default import DefaultAgent
from minisweagent.exceptions import FormatError, Submitted
from minisweagent.models.litellm_model import LitellmModel
from minisweagent.models.utils.actions_toolcall import BASH_TOOL
from pydantic import BaseModel

from tracesmith.agents import actions
from tracesmith.agents.engines import Limits
from tracesmith.agents.settings import AgentSettings
from tracesmith.agents.transcripts import Transcript, Turn
from tracesmith.errors import TracesmithError
from tracesmith.llm import redaction
from tracesmith.llm.client import Client
from tracesmith.llm.errors import PromptRefusedError
from tracesmith.llm.sessions import Session
from tracesmith.llm.wire import OpenAIWire
from tracesmith.sandboxes.base import Sandbox

Message = dict[str, Any]
DONE = "COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT"
"""First line of the output of the command that hands in."""
LEAST_S = 1.0
UNSPEAKABLE = re.compile("[\0\ud800-\udfff]")
OF_REQUESTS = ("role", "content", "tool_calls", "tool_call_id", "thinking_blocks", "reasoning_content", "cache_control")
"""Fields of a message that a model is sent; mini-swe-agent keeps more, most of them null."""


class EndedError(TracesmithError):
    """The session gives no more answers: its account says why."""


class RefusedError(TracesmithError):
    """The model refuses this conversation; `too_long` tells whether its context is full."""

    def __init__(self, message: str, *, too_long: bool) -> None:
        super().__init__(message)
        self.too_long = too_long


class GatewayModel(LitellmModel):  # type: ignore[misc, unused-ignore]
    """mini-swe-agent's model, which asks a session: that alone tries again and counts money."""

    abort_exceptions: list[type[Exception]] = [*LitellmModel.abort_exceptions, TracesmithError]  # noqa: RUF012 - as its base class has it

    def __init__(self, client: Client, session: Session, settings: AgentSettings) -> None:
        super().__init__(
            model_name="gateway",
            model_kwargs=settings.parameters,
            observation_template=settings.observation,
            format_error_template=settings.format_error,
            set_cache_control="default_end" if settings.cache_control else None,
            cost_tracking="ignore_errors",
        )
        self.tokens_sent = 0
        self.tokens_received = 0
        self._client = client
        self._session = session

    def _tools(self) -> dict[str, Any]:
        return {"tools": [BASH_TOOL]}

    def _query(self, messages: list[Message], **kwargs: Any) -> Any:
        body = {"messages": messages, **self._tools(), **self.config.model_kwargs, **kwargs}
        copy = json.loads(json.dumps(body))  # for litellm may change what it is given
        asked = OpenAIWire().read(copy, "gateway")
        try:
            answer = self._session.ask(self._client, asked.messages, asked.parameters).answer
        except PromptRefusedError as error:
            raise RefusedError(_redacted(error), too_long=error.too_long) from None
        except TracesmithError as error:
            raise EndedError(_redacted(error)) from None
        self.tokens_sent += answer.usage.prompt_tokens
        self.tokens_received += answer.usage.completion_tokens
        return litellm.ModelResponse(**json.loads(json.dumps(answer.response)))

    def _prepare_messages_for_api(self, messages: list[Message]) -> list[Message]:
        kept = [
            {key: message.get(key) for key in OF_REQUESTS if key == "content" or message.get(key) is not None}
            for message in messages
        ]
        return cast("list[Message]", super()._prepare_messages_for_api(kept))

    def _calculate_cost(self, response: Any) -> dict[str, float]:  # noqa: ARG002 - the session counts
        return {"cost": 0.0}

    def _parse_actions(self, response: Any) -> list[Message]:
        message = response.choices[0].message
        calls = message.tool_calls or []
        if len(calls) > 1:
            self._complain(f"{len(calls)} calls were made at once. Make one call, and wait for its result.", response)
        found = cast("list[Message]", super()._parse_actions(response))
        if not isinstance(found[0]["command"], str) or not found[0]["command"].strip():
            self._complain("The argument 'command' has to be the text of a command.", response)
        self._refuse_unspeakable(found[0]["command"], response)
        return found

    def _refuse_unspeakable(self, command: str, response: Any) -> None:
        """Complain of characters that no program can be given: NUL, and half of a surrogate pair."""
        if UNSPEAKABLE.search(command):
            self._complain(
                "The command has a NUL or half of a surrogate pair, which no program can be given.", response
            )

    def _complain(self, problem: str, response: Any) -> NoReturn:
        """Raise what mini-swe-agent raises of an answer that it cannot use."""
        template = Template(self.config.format_error_template, undefined=StrictUndefined)
        reason = response.choices[0].finish_reason
        said = template.render(error=problem, actions=[], has_tool_calls=True, finish_reason=reason)
        raise FormatError({"role": "user", "content": said, "extra": {"interrupt_type": "FormatError"}})


class TextModel(GatewayModel):
    """A model that is given no tools, and writes its calls as rows of style xml do."""

    def _tools(self) -> dict[str, Any]:
        return {}

    def _parse_actions(self, response: Any) -> list[Message]:
        try:
            _, call = actions.parse(response.choices[0].message.content or "")
            if call.name != "bash" or not call.arguments.get("command", "").strip():
                raise actions.NoCallError(f"The call has to be of bash, with its command; this is one of {call.name}.")
        except actions.NoCallError as error:
            self._complain(str(error), response)
        self._refuse_unspeakable(call.arguments["command"], response)
        return [{"command": call.arguments["command"]}]


MODELS: dict[str, type[GatewayModel]] = {"tools": GatewayModel, "xml": TextModel}
"""By the key `calls` of an agent's configuration."""


class Place(BaseModel):
    """What mini-swe-agent wants to know of an environment: nothing."""


class SandboxEnvironment:
    """mini-swe-agent's environment: one command after the other in a sandbox of ours."""

    def __init__(self, box: Sandbox, limits: Limits) -> None:
        self.config = Place()
        self._box = box
        self._command_s = limits.command_s
        self._deadline = math.inf if limits.wall_s is None else time.monotonic() + limits.wall_s
        box.prepare()

    def execute(self, action: Message, cwd: str = "") -> Message:  # noqa: ARG002 - mini-swe-agent's signature
        """Run a command and return what mini-swe-agent makes an observation of."""
        timeout_s = max(LEAST_S, min(self._command_s, self._deadline - time.monotonic()))
        done = self._box.run(["bash", "-c", action["command"]], timeout_s=timeout_s)
        said = f"The command was ended by its {done.killed} limit." if done.killed else ""
        first = done.text.lstrip().partition("\n")[0].strip()
        if first == DONE and done.exit_code == 0:
            end = {"exit_status": "Submitted", "submission": ""}
            raise Submitted({"role": "exit", "content": "", "extra": end})
        self._box.prepare()
        return {"output": done.text, "returncode": done.exit_code, "exception_info": said}

    def get_template_vars(self, **kwargs: Any) -> Message:
        """Return nothing of this machine."""
        return kwargs

    def serialize(self) -> Message:
        """Return nothing: the trajectory is written by us."""
        return {}


@dataclass(frozen=True)
class Hooks:
    """What a mini-swe-agent of ours tells the outside."""

    transcript: Transcript
    save: Callable[[], None]
    before: Sequence[Message] = ()
    """Steps of the same task that a killed run had saved: their observations are shown again, as far as they go."""


class RecordedAgent(DefaultAgent):  # type: ignore[misc, unused-ignore]
    """mini-swe-agent's default agent, written down after every step."""

    def __init__(self, model: GatewayModel, env: SandboxEnvironment, hooks: Hooks, limits: Limits) -> None:
        super().__init__(
            model,
            env,
            system_template="{{ system }}",
            instance_template="{{ task }}",
            step_limit=limits.steps or 0,
            cost_limit=0.0,
            wall_time_limit_seconds=math.ceil(limits.wall_s or 0),
        )
        self._hooks = hooks

    def step(self) -> list[Message]:
        """Ask, run the command, write both down."""
        asked = len(self.messages)
        try:
            message = self.query()
        except FormatError as error:
            said = error.messages[0]
            answer = said["extra"]["response"]["choices"][0]["message"]
            self._hooks.transcript.add_failed(answer.get("content") or "", said["content"])
            raise
        started = time.monotonic()
        try:
            seen = self.execute_actions(message)
        except Submitted:
            self._write_down(message, "", time.monotonic() - started)
            raise
        self._write_down(message, seen[0]["content"], time.monotonic() - started)
        return self.messages[asked:]

    def execute_actions(self, message: Message) -> list[Message]:
        """Run the command; a step that an earlier run has made is shown as it was then, so that no call is new."""
        found = cast("list[Message]", super().execute_actions(message))
        number = len(self._hooks.transcript.steps)
        then = self._hooks.before[number] if number < len(self._hooks.before) else None
        if then and then["action"] == message["extra"]["actions"][0]["command"]:
            found[0]["content"] = then["observation"]
        return found

    def save(self, path: object, *extra: object) -> Message:  # noqa: ARG002 - mini-swe-agent's signature
        """Save what was written down, as mini-swe-agent says after every step."""
        self._hooks.save()
        return {}

    def _write_down(self, message: Message, shown: str, seconds: float) -> None:
        text = message.get("content") or ""
        thought = text
        if not message.get("tool_calls"):
            thought, _ = actions.parse(text)
        self._hooks.transcript.add(
            Turn(
                response=text,
                thought=thought,
                action=message["extra"]["actions"][0]["command"],
                observation=shown,
                shown=shown,
                seconds=seconds,
                tool_calls=message.get("tool_calls") or None,
                thinking_blocks=message.get("thinking_blocks") or [],
            )
        )


def _redacted(error: TracesmithError) -> str:
    return redaction.of_environment().message(str(error))
