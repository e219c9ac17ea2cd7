#!/usr/bin/env python3
"""
Split SFT rows into those for training and those for validation, by groups of bugs.

    scripts/split_rows.py trajectories_sft/RUN.resolved_only.xml.jsonl \\
        --share 0.05 \\
        --validation trajectories_sft/RUN.validation.xml.jsonl \\
        --output trajectories_sft/RUN.train.xml.jsonl
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.sft import splitting


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("rows", metavar="ROWS", type=Path, help="SFT rows, one JSON object a line")
    parser.add_argument("--share", type=cli.share, default=0.05, help="of the groups, for validation")
    parser.add_argument("--seed", type=cli.count, default=24)
    parser.add_argument("--validation", type=cli.output_file, required=True, help="rows that are held out")
    parser.add_argument("--output", type=cli.output_file, required=True, help="rows for training")
    args = cli.arguments(parser)
    if args.validation.absolute() in (args.rows.absolute(), args.output.absolute()):
        parser.error("ROWS, --validation and --output have to be three files")
    cli.start_logging()
    splitting.split_rows(args.rows, splitting.Outputs(args.output, args.validation), args.share, args.seed)


if __name__ == "__main__":
    cli.run(main)
