#!/usr/bin/env python3
"""
Write a Qwen2.5 of a million random weights, to try training with on a CPU.

    scripts/make_tiny_model.py trajectories_sft/RUN.resolved_only.xml.jsonl \\
        --output logs/models/tiny-qwen
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.training import tiny_models


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("rows", type=Path, nargs="+", help="SFT rows, whose words the tokenizer learns")
    parser.add_argument("--seed", type=cli.count, default=24, help="of the weights (default: %(default)s)")
    parser.add_argument("--output", type=Path, required=True, help="folder of the model")
    args = cli.arguments(parser)
    cli.start_logging()
    tiny_models.make(args.rows, args.output, args.seed)


if __name__ == "__main__":
    cli.run(main)
