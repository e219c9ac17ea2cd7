#!/usr/bin/env python3
"""
Check a row's chain: source, bug, trajectory, conversion, tokens, and its verdict by running the tests again.

    scripts/verify_row.py trajectories_sft/RUN.resolved_only.xml.jsonl INSTANCE_ID

It needs the folder in which the row was made, with what the workflow left there, and no network. One line a link; the
exit code is 1 when one is broken.
"""

import sys
from pathlib import Path

from tracesmith import cli, verifying

PROMPTS = Path(__file__).parents[1] / "configs" / "agent"


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("rows", type=Path, help="SFT rows")
    parser.add_argument("instance_id", metavar="INSTANCE_ID")
    parser.add_argument("--folder", type=Path, default=Path(), help="folder of the workflow (default: this one)")
    parser.add_argument(
        "--dataset", type=Path, help="the run's dataset, where it is not logs/agent_datasets/REPO_final.json"
    )
    parser.add_argument("--prompt", type=Path, help="prompt of the rows, where it is none of configs/agent/xml_*.yaml")
    parser.add_argument(
        "--tokenizer", type=Path, help="folder with the trainer's tokenizer.json, to count tokens again"
    )
    args = cli.arguments(parser)
    cli.start_logging()
    row = verifying.find_row(args.rows, args.instance_id)
    chain = verifying.chain_of(row, args.folder, PROMPTS, vars(args))
    broken = 0
    for link in verifying.verify(row, chain):
        broken += bool(link.broken)
        sys.stdout.write(f"{'BROKEN' if link.broken else 'ok    '} {link.name:11} {link.broken or link.shown}\n")
        sys.stdout.flush()
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    cli.run(main)
