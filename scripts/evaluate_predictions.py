#!/usr/bin/env python3
"""
Grade each prediction by the pristine tests, on a fresh tree.

    scripts/evaluate_predictions.py trajectories/USER/RUN/preds.json \\
        --dataset logs/agent_datasets/REPO_final.json \\
        --environment logs/build_images/REPO/environment.json \\
        --output logs/run_evaluation/RUN/report.json
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.evaluation import evaluating
from tracesmith.pool import Share


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("predictions", type=Path, help="preds.json, or JSONL of its entries")
    parser.add_argument("--dataset", type=Path, required=True, help="dataset the predictions are of")
    parser.add_argument("--environment", type=Path, required=True, help="environment.json of the repository")
    parser.add_argument("--timeout", type=cli.positive_number, default="600", help="seconds of one run of the suite")
    add = parser.add_argument
    add("--no-second-opinion", dest="again", action="store_false", help="do not run what is resolved once more")
    parser.add_argument("--workers", type=cli.positive_int, default=2, help="sandboxes at once (default: %(default)s)")
    parser.add_argument("--shard", type=cli.shard, help="I/N: only fill the store for shard I of N; no report")
    parser.add_argument("--output", type=cli.output_file, required=True, help="report; the store stands beside it")
    args = cli.arguments(parser)
    cli.start_logging()
    share = Share(args.workers, args.shard)
    paths = (args.predictions, args.dataset, args.environment)
    evaluating.evaluate(*paths, args.timeout, args.output, share, second_opinion=args.again)


if __name__ == "__main__":
    cli.run(main)
