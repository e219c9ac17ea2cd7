"""
Print as JSON what a trainer's environment has: versions, GPUs. Run by its own Python, as a file.

The arguments are the backend, and packages that it can do without: those of them that are there are listed.

It imports what a recipe imports: `import torchtune` alone succeeds beside a torchao that training then fails with.
"""

import json
import sys
from importlib.metadata import version
from importlib.util import find_spec

PACKAGES = {
    "torchtune": ("torch", "torchtune", "torchao", "transformers", "tokenizers"),
    "trl": ("torch", "trl", "transformers", "tokenizers"),
}


def main() -> None:
    """Import the backend that is named and print what was found."""
    backend, *optional = sys.argv[1:]
    import torch  # noqa: PLC0415

    if backend == "torchtune":
        import torchtune.models.qwen2_5  # noqa: PLC0415
        import torchtune.training  # noqa: F401, PLC0415
    else:
        from trl import SFTTrainer  # noqa: F401, PLC0415
    count = torch.cuda.device_count() if torch.cuda.is_available() else 0
    memory = [torch.cuda.get_device_properties(number).total_memory for number in range(count)]
    versions = {name: version(name) for name in PACKAGES[backend]}
    found = {"versions": versions, "gpu_memory": memory, "optional": [name for name in optional if find_spec(name)]}
    sys.stdout.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
