#!/usr/bin/env python3
"""
Write an agent's configuration for one model of a training: its requests have a seed of these weights alone.

    scripts/render_agent_config.py configs/agent/mini_xml.yaml \\
        --model outputs/RUN/manifest.json \\
        --output logs/model_evaluation/RUN/tuned.yaml
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.training import trials


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("config", type=Path, help="the agent's texts and limits, a file of configs/agent")
    parser.add_argument("--model", type=Path, required=True, help="manifest of a training, or a model's config.json")
    parser.add_argument("--output", type=cli.output_file, required=True)
    args = cli.arguments(parser)
    cli.start_logging()
    trials.render_agent_config(args.config, args.model, args.output)


if __name__ == "__main__":
    cli.run(main)
