"""What is learnt is what the agent wrote, for each family of chat formats, and everything else is refused by name."""

import json
from pathlib import Path
from typing import Any

import pytest

from tracesmith.encoding import IGNORED
from tracesmith.errors import InputError
from tracesmith.sft.tokens import Counter
from tracesmith.training import base_models, masks, rows
from tracesmith.training.base_models import BaseModel
from training_models import FAMILIES, LLAMA3, talk, write_model, write_rows

ODD = "\n\n  const é = '日本' + `\u2028`;\t<|im_end|><|eot_id|> <think> <tool_call>\r\n"


@pytest.fixture(scope="module", params=FAMILIES)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> BaseModel:
    return base_models.read(write_model(tmp_path_factory.mktemp(request.param) / "model", request.param))


def proved(model: BaseModel, path: Path, longest: int = 4096) -> masks.Proof:
    return masks.prove(model.encoder, model.template, path, longest)


def test_the_family_is_known_by_the_tokenizer(tmp_path: Path) -> None:
    for family in FAMILIES:
        assert base_models.read(write_model(tmp_path / family, family)).encoder.family.name == family


def test_every_turn_of_every_row_is_proved(model: BaseModel, tmp_path: Path) -> None:
    proof = proved(model, write_rows(tmp_path / "rows.jsonl", talk(1), talk(2, turns=5)))
    assert (proof.rows, proof.turns) == (2, 7)
    assert 0 < proof.learnt < proof.tokens


def test_exactly_the_contents_and_their_ends_are_learnt(model: BaseModel) -> None:
    messages = talk(3)
    encoded = model.encoder.encode(messages)
    end = model.encoder.family.end
    learnt = model.encoder.decode([label for label in encoded.labels if label != IGNORED])
    assert learnt == "".join(m["content"] + end for m in messages if m["role"] == "assistant")


def test_odd_bytes_survive_and_control_tokens_in_contents_are_text(model: BaseModel, tmp_path: Path) -> None:
    messages = talk(4, extra=ODD)
    messages[-1]["content"] = ODD
    proof = proved(model, write_rows(tmp_path / "rows.jsonl", messages))
    assert proof.control_text == 1
    counter = Counter(model.folder, "auto")
    assert (counter.template, counter.count(messages)) == (model.encoder.family.name, proof.tokens)
    ends = model.encoder.encode(messages).tokens.count(model.encoder.end[0])
    assert ends == len(messages)


def test_the_tokens_are_those_of_the_chat_template(model: BaseModel) -> None:
    messages = [{**message, "content": message["content"].strip()} for message in talk(5)]
    rendered = model.template.prompt(messages[:-1])
    ours = model.encoder.encode(messages).tokens
    assert ours[: len(model.encoder.format(rendered))] == model.encoder.format(rendered)


def test_what_a_template_trims_is_counted(tmp_path: Path) -> None:
    llama = base_models.read(write_model(tmp_path / "llama3", "llama3"))
    assert proved(llama, write_rows(tmp_path / "rows.jsonl", talk())).rendered_otherwise == 1


def wrong_labels(encoded: Any, kind: str) -> list[int]:
    labels = list(encoded.labels)
    last = max(place for place, label in enumerate(labels) if label != IGNORED)
    first = min(place for place, label in enumerate(labels) if label != IGNORED)
    if kind == "last end":  # torchtune 0.6.1 with max_seq_len
        labels[last] = IGNORED
    elif kind == "header":
        labels[first - 1] = encoded.tokens[first - 1]
    elif kind == "none":
        labels = [IGNORED] * len(labels)
    else:
        labels[first] += 1
    return labels


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("last end", "the end of the assistant's turn 2 would not be learnt"),
        ("header", "the assistant's turn 1 is changed"),
        ("none", "0 turns would be learnt, the row has 2"),
        ("shifted", "a label is token"),
    ],
)
def test_wrong_masks_are_found(model: BaseModel, kind: str, said: str) -> None:
    encoded = model.encoder.encode(talk())
    with pytest.raises(InputError, match=said):
        masks.check_labels(model.encoder, talk(), encoded.tokens, wrong_labels(encoded, kind), "row")


def test_text_that_the_tokenizer_changes_is_refused_by_line(tmp_path: Path) -> None:
    qwen = base_models.read(write_model(tmp_path / "model"))
    decomposed = talk()
    decomposed[-1]["content"] = "cafe\u0301"
    path = write_rows(tmp_path / "rows.jsonl", talk(), decomposed)
    with pytest.raises(InputError, match=r"line 2: the assistant's turn 2 is changed by the tokenizer at character 3"):
        proved(qwen, path)


def test_a_template_of_another_family_is_refused(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "model")
    (folder / "chat_template.jinja").write_text(LLAMA3)
    with pytest.raises(InputError, match=r"chat_template.jinja: the chat template is not that of qwen2.5"):
        proved(base_models.read(folder), write_rows(tmp_path / "rows.jsonl", talk()))


def test_a_long_row_is_refused_and_not_cut(model: BaseModel, tmp_path: Path) -> None:
    path = write_rows(tmp_path / "rows.jsonl", talk(), talk(turns=9))
    with pytest.raises(InputError, match=r"line 2: \d+ tokens, max_seq_len is 150; nothing is cut"):
        proved(model, path, 150)


def test_turns_that_a_row_lists_as_masked_are_not_learnt(model: BaseModel, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    row = {"messages": talk(turns=3), "tracesmith": {"masked_turns": [1]}}
    path.write_text(json.dumps(row) + "\n")
    proof = proved(model, path)
    assert (proof.turns, proof.masked) == (2, 1)
    ((_, messages),) = rows.read(path)
    encoded = model.encoder.encode(messages)
    pieces = masks.learnt_pieces(encoded.tokens, encoded.labels)
    learnt = [model.encoder.decode(piece[:-1]) for piece in pieces]
    assert learnt == [message["content"] for message in messages if message["role"] == "assistant"][::2]


@pytest.mark.parametrize(
    ("masked", "said"),
    [([0, 1], "every turn of the assistant is masked"), ([2], "numbers of turns"), ("all", "numbers of turns")],
)
def test_a_row_with_nothing_to_learn_and_masks_of_no_turn_are_refused(tmp_path: Path, masked: Any, said: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps({"messages": talk(), "tracesmith": {"masked_turns": masked}}) + "\n")
    with pytest.raises(InputError, match=f"rows.jsonl line 1: .*{said}"):
        list(rows.read(path))
