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

from tracesmith import cli
from tracesmith.sft import styles, tokens, trajectories
from tracesmith.sft.conversion import Settings, convert_trajectories

PROMPTS = Path(__file__).resolve().parent.parent / "configs" / "agent"


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("folder", metavar="TRAJ_DIR", type=Path, help="output folder of SWE-agent or mini-swe-agent")
    parser.add_argument("--style", choices=list(styles.STYLES), required=True, help="how tool calls are written")
    parser.add_argument("--output", type=cli.output_file, required=True)
    parser.add_argument("--report", type=Path, help="report of the evaluation; without it 'resolved' is null")
    parser.add_argument("--prompt", type=Path, help="system message and tools (default: configs/agent/xml_*.yaml)")
    parser.add_argument("--run-id", help="default: the name of TRAJ_DIR")
    parser.add_argument("--dataset", type=Path, help="the run's _final.json, for repositories and split groups")
    parser.add_argument("--environment", type=Path, help="environment.json, for test files and the pristine tree")
    parser.add_argument("--tokenizer", type=Path, help="folder with the trainer's tokenizer.json, for token counts")
    parser.add_argument(
        "--template",
        choices=tokens.NAMES,
        default="auto",
        help="chat format of the counts: that of the tokenizer's family, a family's, or the folder's own",
    )
    parser.add_argument("--keep-secrets", action="store_true", help="leave secrets as they are, to compare")
    args = cli.arguments(parser)
    cli.start_logging()
    settings = Settings(
        style=args.style,
        prompt=args.prompt or PROMPTS / trajectories.prompt_name(args.folder),
        report=args.report,
        run_id=args.run_id,
        dataset=args.dataset,
        environment=args.environment,
        tokenizer=args.tokenizer,
        template=args.template,
        scrub=not args.keep_secrets,
    )
    convert_trajectories(args.folder, args.output, settings)


if __name__ == "__main__":
    cli.run(main)
