#!/usr/bin/env python3
"""
Train a model as a rendered YAML says, and go on where a killed training stopped.

    scripts/finetune.py logs/train/RUN/torchtune.yaml \\
        --python .venv-training/bin/python \\
        --output outputs/RUN/manifest.json
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.training import running


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("config", type=Path, help="YAML that render_training_config.py wrote")
    parser.add_argument("--python", type=Path, required=True, help="Python of the trainer's environment")
    parser.add_argument("--output", type=cli.output_file, required=True, help="manifest; the checkpoints go beside it")
    args = cli.arguments(parser)
    cli.start_logging()
    running.finetune(args.config, args.python, args.output)


if __name__ == "__main__":
    cli.run(main)
