"""
A row as the tokens that a trainer sees, and which of them it learns.

Learnt are the contents of the assistant's turns and the token that ends each; headers, other turns and gaps are not.
Contents are always text: `<|im_end|>` in the output of a tool becomes its letters, never the control token.
Nothing is cut.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from tracesmith import files
from tracesmith.errors import InputError
from tracesmith.families import FAMILIES, Family

IGNORED = -100
"""The label of a token that is not learnt, in torch and in transformers."""


@dataclass(frozen=True)
class Encoded:
    """The tokens of a row."""

    tokens: list[int]
    learnt: list[bool]

    @property
    def labels(self) -> list[int]:
        """Return the tokens that are learnt, and IGNORED in the place of the others."""
        return [token if learnt else IGNORED for token, learnt in zip(self.tokens, self.learnt, strict=True)]


def read_tokenizer(path: Path) -> Any:
    """Return the tokenizer of a tokenizer.json, which never cuts and never pads."""
    if not path.is_file():
        raise InputError(f"{path}: no such file; a model's folder needs the tokenizer as tokenizer.json")
    files.read_json(path)
    try:
        tokenizer: Any = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        raise InputError(f"{path}: no tokenizer that can be read: {error}") from None
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


class Encoder:
    """A tokenizer.json with the chat format of its family."""

    def __init__(self, path: Path, family: str | None = None) -> None:
        self.tokenizer = read_tokenizer(path)
        self.path = path
        self.family = self._family(family)
        ours = (self.family.opening, self.family.end)
        self.opening, self.end = ([self._id(token)] if token else [] for token in ours)
        self.controls = sorted(
            token.content for token in self.tokenizer.get_added_tokens_decoder().values() if token.special
        )

    def _family(self, wanted: str | None) -> Family:
        if wanted and wanted not in FAMILIES:
            raise InputError(f"unknown family {wanted!r} of chat templates; known: {', '.join(sorted(FAMILIES))}")
        for family in [FAMILIES[wanted]] if wanted else FAMILIES.values():
            if self._has(family):
                return family
        said = f"is none of the family {wanted}" if wanted else f"belongs to none of {', '.join(sorted(FAMILIES))}"
        raise InputError(f"{self.path}: the tokenizer {said}: the special tokens of its chat format are missing")

    def _has(self, family: Family) -> bool:
        known = self.tokenizer.token_to_id
        return all(known(mark) is not None for mark in family.marks) and all(known(no) is None for no in family.alien)

    def _id(self, token: str) -> int:
        found: int | None = self.tokenizer.token_to_id(token)
        if found is None:
            raise InputError(f"{self.path}: the tokenizer has no token {token}")
        return found

    @property
    def size(self) -> int:
        """Return how many ids there are."""
        return int(self.tokenizer.get_vocab_size(with_added_tokens=True))

    def text(self, content: str) -> list[int]:
        """Return the tokens of a text in which nothing is a control token."""
        self.tokenizer.encode_special_tokens = True
        return list(self.tokenizer.encode(content, add_special_tokens=False).ids)

    def format(self, text: str) -> list[int]:
        """Return the tokens of a text in which the names of control tokens are control tokens."""
        self.tokenizer.encode_special_tokens = False
        return list(self.tokenizer.encode(text, add_special_tokens=False).ids)

    def decode(self, tokens: list[int]) -> str:
        """Return the text of some tokens, control tokens by their names."""
        return str(self.tokenizer.decode(tokens, skip_special_tokens=False))

    def encode(self, messages: list[dict[str, Any]]) -> Encoded:
        """Return the tokens of a whole conversation."""
        tokens, learnt = list(self.opening), [False] * len(self.opening)
        gap = self.format(self.family.gap) if self.family.gap else []
        headers = {role: self.format(self.family.header(role)) for role in {message["role"] for message in messages}}
        for message in messages:
            header = headers[message["role"]]
            body = [*self.text(message["content"]), *self.end]
            tokens += [*header, *body, *gap]
            trained = message["role"] == "assistant" and not message.get("masked")
            learnt += [*[False] * len(header), *[trained] * len(body), *[False] * len(gap)]
        return Encoded(tokens, learnt)
