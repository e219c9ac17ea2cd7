#!/usr/bin/env python3
"""
Turn the trajectories of a run into SFT rows, one JSON object a line.

    scripts/convert_trajectories.py trajectories/local/RUN --style xml \\
        --report logs/run_evaluation/RUN/report.json \\
        --output trajectories_sft/RUN.xml.jsonl

Unresolved trajectories are rows too: filter_resolved.py leaves them out. OUTPUT.meta.json lists every trajectory that
is no row, with its reason.
"""

from pathlib import Path

from tracesmith import cli, sft

PROMPT = Path(__file__).resolve().parent.parent / "configs" / "agent" / "xml_tools.yaml"


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("folder", metavar="TRAJ_DIR", type=Path, help="folder that holds <id>/<id>.traj (SWE-agent)")
    parser.add_argument("--style", choices=list(sft.STYLES), required=True, help="how tool calls are written")
    parser.add_argument("--output", type=cli.output_file, required=True)
    parser.add_argument("--report", type=Path, help="report of the evaluation; without it 'resolved' is null")
    parser.add_argument("--prompt", type=Path, default=PROMPT, help="system message and tools (default: %(default)s)")
    parser.add_argument("--run-id", help="default: the name of TRAJ_DIR")
    args = cli.arguments(parser)
    cli.start_logging()
    settings = sft.Settings(args.style, args.prompt, args.report, args.run_id)
    sft.convert_trajectories(args.folder, args.output, settings)


if __name__ == "__main__":
    cli.run(main)
