#!/usr/bin/env python3
"""
Run an agent on each instance of a dataset and write its predictions and trajectories.

    scripts/run_agent.py logs/agent_datasets/REPO_final.json \\
        --environment logs/build_images/REPO/environment.json \\
        --engine mini --config configs/agent/mini.yaml --model anthropic/claude-sonnet-4-5 \\
        --output trajectories/USER/RUN/preds.json

The trajectories stand in folders beside the output, in SWE-agent's layout. The same command goes on where it was
killed; what is finished is not run again.
"""

from functools import partial
from pathlib import Path

from tracesmith import cli
from tracesmith.agents import registry, running
from tracesmith.llm import flags
from tracesmith.pool import Share
from tracesmith.sandboxes import base

WORKERS, MEMORY = 20, "10g"


def main() -> None:
    parser = cli.parser(__doc__)
    add_flag = parser.add_argument
    add_flag("dataset", type=Path, help="dataset, a JSON list (or JSONL) with problem statements")
    add_flag("--environment", type=Path, required=True, help="environment.json of the repository")
    add_flag("--engine", choices=sorted(registry.ENGINES), required=True)
    add_flag("--config", type=Path, required=True, help="the agent's texts and limits, a file of configs/agent")
    add_flag("--workers", type=cli.positive_int, default=WORKERS, help="instances at once (default: %(default)s)")
    add_flag("--memory", type=cli.size, default=base.parse_size(MEMORY), help=f"of a sandbox (default: {MEMORY})")
    add_flag("--delay", type=cli.amount, default=0, help="seconds x workers over which the first instances begin")
    add_flag("--sample", type=cli.positive_int, default=1, help="which of several runs this is (default: %(default)s)")
    add_flag("--redo", nargs="+", default=[], metavar="ID", help="finished instances to do once more")
    add_flag("--redo-failed", action="store_true", help="likewise all that were not submitted, or without a change")
    add_flag("--may-fail", action="store_true", help="take a run in which every instance failed for a result")
    add_flag("--workspaces", type=Path, help="output of check_workspaces; what it refuses is left out")
    add_flag("--sweagent", type=Path, metavar="HOME", help="checkout of SWE-agent, installed in its .venv")
    add_flag("--shard", type=cli.shard, help="I/N: only fill the store for shard I of N; no preds.json")
    flags.add(parser)
    parser.set_defaults(calls=WORKERS)
    add_flag("--output", type=cli.output_file, required=True, help="preds.json; the trajectories stand beside it")
    args = cli.arguments(parser)
    cli.start_logging()
    share, work = Share(args.workers, args.shard), (args.memory, args.delay)
    again, given = (args.redo, args.redo_failed), (args.workspaces, args.sweagent, args.may_fail)
    plan = running.Plan(args.engine, args.config, share, args.sample - 1, *work, *again, *given)
    running.run(args.dataset, args.environment, plan, args.output, partial(flags.settings, args))


if __name__ == "__main__":
    cli.run(main)
