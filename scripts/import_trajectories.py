#!/usr/bin/env python3
"""
Take over trajectories that SWE-agent or mini-swe-agent made elsewhere as a run of ours.

    scripts/import_trajectories.py OTHER/trajectories/RUN --output trajectories/USER/RUN/preds.json

A preds.json in the folder is taken; without one it is made of the .pred files, as `sweagent merge-preds` does.
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.agents import importing


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("trajectories", type=Path, help="output folder of the agent")
    parser.add_argument("--predictions", type=Path, help="preds.json (or JSONL) instead of the folder's own")
    parser.add_argument(
        "--output", type=cli.output_file, required=True, help="preds.json; the trajectories stand beside it"
    )
    args = cli.arguments(parser)
    cli.start_logging()
    importing.run(args.trajectories, args.output, args.predictions)


if __name__ == "__main__":
    cli.run(main)
