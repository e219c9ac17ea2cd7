#!/usr/bin/env python3
"""
Run an agent on each instance of a dataset and write its predictions and trajectories.

    scripts/run_agent.py logs/agent_datasets/REPO_final.json \\
        --environment logs/build_images/REPO/environment.json --engine oracle \\
        --output trajectories/USER/RUN/preds.json

The trajectories stand in folders beside the output, in SWE-agent's layout.
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.agents import running, scripted
from tracesmith.pool import Share

PROMPT = Path(__file__).parents[1] / "configs" / "agent" / "oracle.yaml"


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("dataset", type=Path, help="dataset, a JSON list (or JSONL) with problem statements")
    parser.add_argument("--environment", type=Path, required=True, help="environment.json of the repository")
    parser.add_argument("--workspaces", type=Path, help="output of check_workspaces; what it refuses is left out")
    parser.add_argument("--engine", choices=sorted(scripted.ENGINES), required=True)
    parser.add_argument(
        "--prompt", type=Path, default=PROMPT, help="YAML with the agent's texts (default: %(default)s)"
    )
    parser.add_argument("--workers", type=cli.positive_int, default=2, help="sandboxes at once (default: %(default)s)")
    parser.add_argument("--shard", type=cli.shard, help="I/N: only fill the store for shard I of N; no preds.json")
    parser.add_argument(
        "--output", type=cli.output_file, required=True, help="preds.json; the trajectories stand beside it"
    )
    args = cli.arguments(parser)
    cli.start_logging()
    share = Share(args.workers, args.shard)
    running.run(args.dataset, args.environment, args.engine, args.prompt, args.output, share, checked=args.workspaces)


if __name__ == "__main__":
    cli.run(main)
