"""
The proof that what a trainer learns is what the agent wrote.

It does not ask the encoder how its mask came about: it cuts the labels at every break, decodes each piece and compares
it with the row; and it renders the row by the model's own chat template, as a server would, and compares the texts.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import jinja2

from tracesmith import chat_templates
from tracesmith.encoding import IGNORED, Encoder
from tracesmith.errors import InputError
from tracesmith.training import rows
from tracesmith.training.rows import Messages


@dataclass
class Proof:
    """What was compared."""

    rows: int = 0
    tokens: int = 0
    learnt: int = 0
    longest: int = 0
    turns: int = 0
    """Turns of the assistant that are learnt, each decoded from its labels and equal to the row's bytes."""
    masked: int = 0
    """Turns of the assistant that the rows list as masked, and that have no label."""
    control_text: int = 0
    """Rows whose contents hold the name of a control token, which is trained as text."""
    rendered_otherwise: int = 0
    """Rows whose contents the model's chat template would change, as by trimming them, when it is served."""

    def as_json(self) -> dict[str, int]:
        """Return the counts."""
        return asdict(self)


def learnt_pieces(tokens: Sequence[int], labels: Sequence[int]) -> list[list[int]]:
    """Return the runs of tokens that have a label. Raises InputError where a label is not its token."""
    pieces: list[list[int]] = []
    going = False
    for token, label in zip(tokens, labels, strict=True):
        if label == IGNORED:
            going = False
            continue
        if label != token:
            raise InputError(f"a label is token {label}, the token there is {token}")
        if not going:
            pieces.append([])
        pieces[-1].append(token)
        going = True
    return pieces


def check_labels(encoder: Encoder, messages: Messages, tokens: Sequence[int], labels: Sequence[int], where: str) -> int:
    """Raise InputError unless the labels are the bytes and end of each turn to learn; return how many there are."""
    turns = [message for message in messages if message["role"] == "assistant"]
    wanted = [message["content"] for message in turns if not message.get("masked")]
    pieces = learnt_pieces(tokens, labels)
    if len(pieces) != len(wanted):
        raise InputError(f"{where}: {len(pieces)} turns would be learnt, the row has {len(wanted)} of the assistant")
    for number, (piece, content) in enumerate(zip(pieces, wanted, strict=True), start=1):
        if piece[-1:] != encoder.end:
            raise InputError(f"{where}: the end of the assistant's turn {number} would not be learnt")
        if (found := encoder.decode(piece[:-1])) != content:
            place = next((i for i, pair in enumerate(zip(found, content, strict=False)) if pair[0] != pair[1]), -1)
            raise InputError(
                f"{where}: the assistant's turn {number} is changed by the tokenizer at character {place}: "
                f"{content[place : place + 20]!r} becomes {found[place : place + 20]!r}"
            )
    return len(wanted)


class Template:
    """The chat template of a model's folder, rendered as servers render it."""

    def __init__(self, source: str, path: Path, variables: dict[str, Any]) -> None:
        self.path, self.variables = path, variables
        self._template = chat_templates.compiled(source, path)

    def prompt(self, messages: Messages) -> str:
        """Return the text before the model's next answer."""
        try:
            return self._template.render(messages=messages, add_generation_prompt=True, **self.variables)
        except jinja2.TemplateError as error:
            raise InputError(f"{self.path}: the chat template refuses a conversation: {error}") from None


def check_template(encoder: Encoder, template: Template) -> None:
    """Raise InputError unless the template writes a plain conversation as the encoder does, at every answer."""
    talk = [("system", "Be brief."), ("user", "One?"), ("assistant", "Two."), ("user", "Three?"), ("assistant", "4.")]
    messages = [{"role": role, "content": content} for role, content in talk]
    for end in (2, 4):
        found, wanted = template.prompt(messages[:end]), encoder.family.prompt(messages[:end])
        if found != wanted:
            raise InputError(
                f"{template.path}: the chat template is not that of {encoder.family.name}, which {encoder.path.name} "
                f"belongs to: it writes {found!r} where {wanted!r} is trained"
            )


def prove(encoder: Encoder, template: Template, path: Path, max_seq_len: int) -> Proof:
    """Check every row of a file and return what was counted. Raises InputError at the first row that fails."""
    proof = Proof()
    check_template(encoder, template)
    for where, messages in rows.read(path):
        rows.check_roles(messages, where)
        encoded = encoder.encode(messages)
        if len(encoded.tokens) > max_seq_len:
            raise InputError(
                f"{where}: {len(encoded.tokens)} tokens, max_seq_len is {max_seq_len}; nothing is cut: "
                "raise it, or drop or split long rows when rows are made"
            )
        proof.turns += check_labels(encoder, messages, encoded.tokens, encoded.labels, where)
        proof.masked += sum(bool(message.get("masked")) for message in messages)
        proof.rows += 1
        proof.tokens += len(encoded.tokens)
        proof.learnt += sum(encoded.learnt)
        proof.longest = max(proof.longest, len(encoded.tokens))
        proof.control_text += any(token in message["content"] for message in messages for token in encoder.controls)
        proof.rendered_otherwise += template.prompt(messages[:-1]) != encoder.family.prompt(messages[:-1])
    return proof
