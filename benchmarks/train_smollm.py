#!/usr/bin/env python3
"""
Fine-tune the real SmolLM2-135M-Instruct on recorded rows, on the CPU, and show the loss and what it then writes.

    make smollm

Its weights come from four bits each, so this shows that training works, not how good the model gets.
Results stand below build/.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
ROWS = ROOT / "tests" / "data" / "line" / "trajectories_sft" / "demo.resolved_only.xml.jsonl"


def script(name: str, *arguments: object) -> None:
    """Run one of the pipeline's scripts."""
    subprocess.run([sys.executable, ROOT / "scripts" / name, *map(str, arguments)], check=True)


def main() -> None:
    """Render, train, and print the curve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path, help="folder of the unpacked model")
    parser.add_argument("--python", type=Path, required=True, help="Python of the trainer's environment")
    parser.add_argument("--output", type=Path, default=Path("build/smollm"), help="folder (default: %(default)s)")
    args = parser.parse_args()
    rendered, manifest = args.output / "torchtune.yaml", args.output / "outputs" / "manifest.json"
    given = ["--rows", ROWS, "--base-model", args.model, "--run-id", "smollm", "--output", rendered]
    script("render_training_config.py", ROOT / "configs" / "train" / "smollm_cpu.yml", *given)
    script("finetune.py", rendered, "--python", args.python, "--output", manifest)
    made = json.loads(manifest.read_text())
    losses = made["loss"]["each"]
    print(json.dumps({"loss": losses, "generated": made["loaded"]["generated"]}, indent=2))  # noqa: T201
    if not losses[-1] < losses[0]:
        sys.exit("error: the loss did not fall")


if __name__ == "__main__":
    main()
