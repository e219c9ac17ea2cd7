#!/usr/bin/env python3
"""
Push a repository's Docker image to Docker Hub or another registry, as the user of `docker login`.

    scripts/push_image.py logs/build_images/REPO/environment.json \\
        --output logs/images/REPO.json
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.mirrors import registries


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("environment", type=Path, help="environment.json, built with the backend docker")
    parser.add_argument("--output", type=cli.output_file, required=True)
    args = cli.arguments(parser)
    cli.start_logging()
    registries.push(args.environment, args.output)


if __name__ == "__main__":
    cli.run(main)
