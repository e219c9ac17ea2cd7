#!/usr/bin/env python3
"""
Write the issue text of each instance: what the agent is told about the bug.

    scripts/write_issues.py logs/task_insts/REPO.json --mode static --output logs/issue_gen/REPO__static.json

Modes: static (templates), pr (the stored text), skip (none), and with a model llm and tests:

    scripts/write_issues.py logs/task_insts/REPO.json --mode llm --model anthropic/claude-sonnet-4-5 \\
        --validation logs/run_validation/REPO --environment logs/build_images/REPO/environment.json \\
        --prompt configs/issue_gen/ig_v2.yaml --demonstrations configs/issue_gen/demonstrations.yaml \\
        --output logs/issue_gen/REPO__llm.json
"""

from functools import partial
from pathlib import Path

from tracesmith import cli
from tracesmith.issues import writing
from tracesmith.llm import flags
from tracesmith.pool import Share


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("instances", type=Path, help="task instances, a JSON list")
    parser.add_argument("--mode", choices=writing.MODES, default="static", help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=24, help="of templates and shuffles (default: %(default)s)")
    parser.add_argument("--validation", type=Path, help="folder of validate_bugs with the failing output (llm, tests)")
    parser.add_argument("--environment", type=Path, help="environment.json of the repository (llm, tests)")
    parser.add_argument("--prompt", type=Path, help="prompt file in SWE-smith's format (llm, tests)")
    parser.add_argument("--demonstrations", type=Path, help="issue texts, YAML, JSON or JSONL (llm; tests may)")
    parser.add_argument("--workers", type=cli.count, default=1, help="sandboxes at once (tests)")
    parser.add_argument("--shard", type=cli.shard, help="I/N: only ask about shard I of N (llm, tests); no summary")
    flags.add(parser)
    parser.add_argument("--output", type=cli.output_file, required=True)
    args = cli.arguments(parser)
    cli.start_logging()
    sources = (args.validation, args.environment, args.prompt, args.demonstrations)
    plan = writing.Plan(args.mode, args.seed, Share(args.workers, args.shard), *sources)
    writing.write(args.instances, plan, partial(flags.settings, args), args.output)


if __name__ == "__main__":
    cli.run(main)
