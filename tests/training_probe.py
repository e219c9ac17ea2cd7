"""
Take rendered configurations apart as torchtune 0.6.1 would, without weights: run by the trainer's Python.

    python training_probe.py CONFIG...

Prints a JSON object for each: whether torchtune's own validation passes, how many weights the model has on the meta
device, how many of them are trained, and the keys that its recipe reads and the configuration lacks.
"""

import json
import re
import sys
from pathlib import Path

import torch
import torchtune
from omegaconf import OmegaConf
from torchtune import config
from torchtune.modules import peft


def main() -> None:
    """Print what is found."""
    for name in sys.argv[1:]:
        found = OmegaConf.load(name)
        config.validate(found)
        recipe = Path(torchtune.__file__).parents[1] / "recipes" / f"{found.tracesmith.recipe}.py"
        read = set(re.findall(r"\bcfg\.(\w+)\b(?!\()", recipe.read_text())) - {"get", "profiler"}
        with torch.device("meta"):
            model = config.instantiate(found.model)
        if found.tracesmith.recipe.startswith("lora"):
            peft.set_trainable_params(model, peft.get_adapter_params(model))
        trained = [weight for weight in model.parameters() if weight.requires_grad]
        optimizer = config.instantiate(found.optimizer, trained)
        steps = found.max_steps_per_epoch * found.epochs
        if "lr_scheduler" in found:
            config.instantiate(found.lr_scheduler, optimizer, num_training_steps=steps, last_epoch=-1)
        about = {
            "weights": sum(weight.numel() for weight in model.parameters()),
            "trained": sum(weight.numel() for weight in trained),
            "missing": sorted(key for key in read if key not in found),
            "loss": type(config.instantiate(found.loss)).__name__,
        }
        sys.stdout.write(json.dumps(about) + "\n")


if __name__ == "__main__":
    main()
