#!/usr/bin/env python3
"""
Keep the SFT lines of resolved instances.

    scripts/filter_resolved.py trajectories_sft/RUN.xml.jsonl \\
        --report logs/run_evaluation/RUN/report.json \\
        --output trajectories_sft/RUN.resolved_only.xml.jsonl
"""

from pathlib import Path

from tracesmith import cli, sft


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("lines", metavar="LINES", type=Path, help="SFT lines, one JSON object a line")
    parser.add_argument("--report", type=Path, required=True, help="report of the evaluation")
    parser.add_argument("--output", type=cli.output_file, required=True)
    args = cli.arguments(parser)
    cli.start_logging()
    sft.filter_resolved(args.lines, args.report, args.output)


if __name__ == "__main__":
    cli.run(main)
