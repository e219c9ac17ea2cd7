#!/usr/bin/env python3
"""
Keep the instances that no training row is of, to try a trained model on them.

    scripts/hold_out_instances.py logs/agent_datasets/REPO_final.json \\
        --train trajectories_sft/RUN.train.xml.jsonl \\
        --validation trajectories_sft/RUN.validation.xml.jsonl \\
        --output logs/model_evaluation/RUN/dataset.json
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.sft import holding_out


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("dataset", type=Path, help="dataset that the rows were made of")
    parser.add_argument("--train", type=Path, required=True, help="rows that a model was trained on")
    parser.add_argument("--validation", type=Path, required=True, help="rows that were held out")
    parser.add_argument("--max-instances", type=cli.positive_int, default=50, help="default: %(default)s")
    parser.add_argument("--output", type=cli.output_file, required=True, help="dataset of the held-out instances")
    args = cli.arguments(parser)
    cli.start_logging()
    holding_out.hold_out(args.dataset, args.train, args.validation, args.max_instances, args.output)


if __name__ == "__main__":
    cli.run(main)
