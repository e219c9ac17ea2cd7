#!/usr/bin/env python3
"""
Compare what the base model and the trained one did with the same instances.

    scripts/evaluate_model.py outputs/RUN/manifest.json \\
        --dataset logs/model_evaluation/RUN/dataset.json \\
        --base trajectories/USER/RUN.base/preds.json \\
        --base-report logs/run_evaluation/RUN.base/report.json \\
        --tuned trajectories/USER/RUN.tuned/preds.json \\
        --tuned-report logs/run_evaluation/RUN.tuned/report.json \\
        --output logs/model_evaluation/RUN/report.json
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.training import trials
from tracesmith.training.trials import Trial


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("manifest", type=Path, help="of the training")
    parser.add_argument("--dataset", type=Path, required=True, help="the instances that both were tried on")
    parser.add_argument(
        "--base", type=Path, required=True, help="predictions of the base model, beside its trajectories"
    )
    parser.add_argument("--base-report", type=Path, required=True, help="their evaluation")
    parser.add_argument("--tuned", type=Path, required=True, help="predictions of the trained model")
    parser.add_argument("--tuned-report", type=Path, required=True, help="their evaluation")
    parser.add_argument("--output", type=cli.output_file, required=True)
    args = cli.arguments(parser)
    cli.start_logging()
    base, tuned = Trial(args.base, args.base_report), Trial(args.tuned, args.tuned_report)
    trials.compare(args.manifest, args.dataset, base, tuned, args.output)


if __name__ == "__main__":
    cli.run(main)
