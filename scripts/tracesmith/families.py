"""The chat formats that rows are trained in: which tokens stand around a turn, and how a tokenizer is known by them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Family:
    """How a family of models writes a conversation: start, role, middle, content, end, gap, turn after turn."""

    name: str
    opening: str
    """A token before the first turn; may be empty."""
    start: str
    middle: str
    """After the role."""
    end: str
    """The token by which a turn ends: the one that an agent has to learn."""
    gap: str
    """Text between two turns, which nobody learns."""
    marks: tuple[str, ...]
    """Special tokens by which a tokenizer of the family is told from one of another family."""
    alien: tuple[str, ...] = ()
    """Special tokens that a tokenizer of the family does not have."""

    def header(self, role: str) -> str:
        """Return what stands before a turn's content."""
        return f"{self.start}{role}{self.middle}"

    def turn(self, role: str, content: str) -> str:
        """Return a whole turn as text."""
        return f"{self.header(role)}{content}{self.end}{self.gap}"

    def prompt(self, messages: list[dict[str, str]]) -> str:
        """Return the text that a model has before it when it is to answer these messages."""
        turns = "".join(self.turn(message["role"], message["content"]) for message in messages)
        return f"{self.opening}{turns}{self.header('assistant')}"


_START, _END, _HEADER = "<|im_start|>", "<|im_end|>", "<|start_header_id|>"
_QWEN = (_START, _END, "<|endoftext|>", "<|fim_prefix|>")
FAMILIES = {
    family.name: family
    for family in (
        Family("qwen3", "", _START, "\n", _END, "\n", (*_QWEN, "<think>", "</think>")),
        Family("qwen2.5", "", _START, "\n", _END, "\n", _QWEN, ("<think>",)),
        Family(
            "llama3", "<|begin_of_text|>", _HEADER, "<|end_header_id|>\n\n", "<|eot_id|>", "", (_HEADER, "<|eot_id|>")
        ),
        Family("chatml", "", _START, "\n", _END, "\n", (_START, _END)),
    )
}
"""By name, the one with the most marks first."""
