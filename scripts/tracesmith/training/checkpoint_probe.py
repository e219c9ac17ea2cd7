"""
Load a checkpoint with transformers and print as JSON what it is. Run by the trainer's Python, as a file.

    python checkpoint_probe.py CHECKPOINT BASE_MODEL PROMPT_FILE

Every weight has to be a number, and one at least another than in the base model: a training without a step
writes the base.
"""

import json
import sys
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

GENERATED = 16
"""Tokens that the checkpoint is asked for."""


def main() -> None:
    """Print the findings; what is wrong ends as an exception."""
    folder, base, prompt_file = map(Path, sys.argv[1:4])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    wrong = [name for name, weight in model.named_parameters() if not bool(torch.isfinite(weight).all())]
    if wrong:
        raise SystemExit(f"the weight {wrong[0]} holds what is not a number")
    before = dict(AutoModelForCausalLM.from_pretrained(base).named_parameters())
    changed = sum(not torch.equal(weight, before[name].to(weight.dtype)) for name, weight in model.named_parameters())
    if not changed:
        raise SystemExit("every weight is as in the base model: nothing was learnt")
    prompt = tokenizer(prompt_file.read_text(), return_tensors="pt", add_special_tokens=False)
    with torch.no_grad():
        answer = model.generate(**prompt, max_new_tokens=GENERATED, do_sample=False)
    text = tokenizer.decode(answer[0][prompt["input_ids"].shape[1] :])
    parameters = sum(weight.numel() for weight in model.parameters())
    found = {"parameters": parameters, "changed_weights": changed, "generated": text}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
