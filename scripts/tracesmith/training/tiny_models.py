"""
A Qwen2.5 of a million random weights, in the hub's layout, made without torch: for tests, the demo and a first try.

Its tokenizer is trained on texts that are given, has the family's special tokens and its chat template. The same
texts and seed give the same bytes.
"""

import array
import json
import logging
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from tracesmith import files, owners, stores
from tracesmith.errors import InputError
from tracesmith.training import rows

logger = logging.getLogger(__name__)
QWEN_TOKENS = (
    *("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|object_ref_start|>", "<|object_ref_end|>", "<|box_start|>"),
    *("<|box_end|>", "<|quad_start|>", "<|quad_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>"),
    *("<|image_pad|>", "<|video_pad|>", "<tool_call>", "</tool_call>", "<|fim_prefix|>", "<|fim_middle|>"),
    *("<|fim_suffix|>", "<|fim_pad|>", "<|repo_name|>", "<|file_sep|>"),
)
PIECES = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content']"
    " + '<|im_end|>' + '\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
VOCABULARY, WIDTH, INNER, LAYERS, HEADS, KV_HEADS, LONGEST = 2048, 128, 384, 2, 4, 2, 32768


def make(row_files: Iterable[Path], output: Path, seed: int = 24) -> None:
    """Write the model's folder by rename; its tokenizer knows the words of these rows."""
    if output.exists() and (output.is_file() or any(output.iterdir())):
        raise InputError(f"{output}: it exists already; remove it first")
    texts = [message["content"] for path in row_files for _, messages in rows.read(path) for message in messages]
    output.parent.mkdir(parents=True, exist_ok=True)
    temporary = output.with_name(owners.temporary_name(output.name))
    temporary.mkdir()
    try:
        tokenizer = qwen_tokenizer(texts, QWEN_TOKENS)
        write_tokenizer(temporary, tokenizer, TEMPLATE, eos="<|im_end|>", pad="<|endoftext|>")
        count = write_weights(temporary, seed)
        files.write_json(temporary / "config.json", _config(tokenizer))
        ends = [tokenizer.token_to_id(name) for name in ("<|im_end|>", "<|endoftext|>")]
        files.write_json(temporary / "generation_config.json", {"eos_token_id": ends, "pad_token_id": ends[1]})
        temporary.rename(output)
    finally:
        stores.remove_tree(temporary)
    logger.info("made %s: %d weights, %d tokens", output, count, tokenizer.get_vocab_size())


def qwen_tokenizer(texts: Iterable[str], special: Iterable[str], size: int = VOCABULARY) -> Any:
    """Return a byte-level BPE tokenizer that cuts words as Qwen's does, with special tokens behind its words."""
    special = list(special)
    tokenizer: Any = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    split = pre_tokenizers.Split(Regex(PIECES), behavior="isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=size - len(special), initial_alphabet=sorted(alphabet), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    text_like = ("<tool_call>", "</tool_call>", "<think>", "</think>")
    tokenizer.add_tokens([AddedToken(name, special=name not in text_like, normalized=False) for name in special])
    return tokenizer


def write_tokenizer(folder: Path, tokenizer: Any, template: str, *, eos: str, pad: str, bos: str | None = None) -> None:
    """Write the files of a tokenizer with its chat template."""
    tokenizer.save(str(folder / "tokenizer.json"))
    tokenizer.model.save(str(folder))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": bos,
        "eos_token": eos,
        "pad_token": pad,
        "model_max_length": LONGEST,
        "clean_up_tokenization_spaces": False,
        "chat_template": template,
    }
    files.write_json(folder / "tokenizer_config.json", settings)


def _config(tokenizer: Any) -> dict[str, Any]:
    return {
        "architectures": ["Qwen2ForCausalLM"],
        "model_type": "qwen2",
        "vocab_size": VOCABULARY,
        "hidden_size": WIDTH,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": KV_HEADS,
        "max_position_embeddings": LONGEST,
        "rms_norm_eps": 1e-6,
        "rope_theta": 1_000_000.0,
        "hidden_act": "silu",
        "tie_word_embeddings": False,
        "eos_token_id": tokenizer.token_to_id("<|im_end|>"),
        "pad_token_id": tokenizer.token_to_id("<|endoftext|>"),
        "torch_dtype": "float32",
    }


def _shapes() -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the names and shapes of all weights."""
    kv = WIDTH // HEADS * KV_HEADS
    yield "model.embed_tokens.weight", (VOCABULARY, WIDTH)
    for number in range(LAYERS):
        layer = f"model.layers.{number}"
        for name, size in (("q", WIDTH), ("k", kv), ("v", kv)):
            yield f"{layer}.self_attn.{name}_proj.weight", (size, WIDTH)
            yield f"{layer}.self_attn.{name}_proj.bias", (size,)
        yield f"{layer}.self_attn.o_proj.weight", (WIDTH, WIDTH)
        for name, shape in (("gate", (INNER, WIDTH)), ("up", (INNER, WIDTH)), ("down", (WIDTH, INNER))):
            yield f"{layer}.mlp.{name}_proj.weight", shape
        yield f"{layer}.input_layernorm.weight", (WIDTH,)
        yield f"{layer}.post_attention_layernorm.weight", (WIDTH,)
    yield "model.norm.weight", (WIDTH,)
    yield "lm_head.weight", (VOCABULARY, WIDTH)


def write_weights(folder: Path, seed: int) -> int:
    """Write random weights as safetensors (length, header, floats) and return how many there are."""
    draw, header, data, end = random.Random(seed), {}, [], 0  # noqa: S311 - weights, no secrets
    for name, shape in _shapes():
        size = shape[0] * (shape[1] if len(shape) > 1 else 1)
        if "norm" in name:
            values = array.array("f", [1.0]) * size
        elif name.endswith("bias"):
            values = array.array("f", [0.0]) * size
        else:
            values = array.array("f", (draw.gauss(0.0, 0.02) for _ in range(size)))
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [end, end + 4 * size]}
        end += 4 * size
        data.append(values)
    head = json.dumps({"__metadata__": {"format": "pt"}, **header}).encode()
    head += b" " * (-len(head) % 8)
    with files.atomic_writer(folder / "model.safetensors") as out:
        out.write(len(head).to_bytes(8, "little") + head)
        for values in data:
            out.write(values.tobytes())
    return end // 4
