#!/usr/bin/env python3
"""
Join task instances and issue texts to the dataset that agents are run on.

    scripts/assemble_dataset.py logs/task_insts/REPO.json \\
        --issues logs/issue_gen/REPO__static.json --output logs/agent_datasets/REPO_final.json
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.issues import assembling


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("instances", type=Path, help="task instances, a JSON list")
    parser.add_argument("--issues", type=Path, required=True, help="issue texts of write_issues")
    parser.add_argument("--output", type=cli.output_file, required=True)
    args = cli.arguments(parser)
    cli.start_logging()
    assembling.assemble(args.instances, args.issues, args.output)


if __name__ == "__main__":
    cli.run(main)
