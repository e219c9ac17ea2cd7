#!/usr/bin/env python3
"""
Split SFT rows into those for training and those for validation, by groups of bugs.

    scripts/split_rows.py trajectories_sft/RUN.resolved_only.xml.jsonl \\
        --share 0.05 \\
        --train trajectories_sft/RUN.train.xml.jsonl \\
        --validation trajectories_sft/RUN.validation.xml.jsonl
"""

from pathlib import Path

from tracesmith import cli, sft


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("rows", metavar="ROWS", type=Path, help="SFT rows, one JSON object a line")
    parser.add_argument("--share", type=cli.share, default=0.05, help="of the groups, for validation")
    parser.add_argument("--seed", type=cli.count, default=24)
    parser.add_argument("--train", type=cli.output_file, required=True)
    parser.add_argument("--validation", type=cli.output_file, required=True)
    args = cli.arguments(parser)
    if len({args.rows.absolute(), args.train.absolute(), args.validation.absolute()}) < 3:
        parser.error("ROWS, --train and --validation have to be three files")
    cli.start_logging()
    sft.split_rows(args.rows, sft.Outputs(args.train, args.validation), args.share, args.seed)


if __name__ == "__main__":
    cli.run(main)
