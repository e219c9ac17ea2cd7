#!/usr/bin/env python3
"""
Fetch a repository by its profile and prepare the place where its tests run.

    scripts/build_environment.py configs/repos/css-what.yaml \\
        --backend bubblewrap --output logs/build_images/npm__css-what.v8.0.0/environment.json
"""

from pathlib import Path

from tracesmith import cli
from tracesmith.environments import building
from tracesmith.environments.gating import GateSettings


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("profile", type=Path, help="profile of the repository, YAML")
    parser.add_argument("--source", help="where the tree comes from (default: as the profile says)")
    parser.add_argument("--backend", choices=["auto", "docker", "bubblewrap"], default="auto")
    parser.add_argument("--memory", type=cli.size, help="memory of one sandbox (default: the profile's, else 10g)")
    parser.add_argument("--pids", type=cli.positive_int, default=512, help="processes of one sandbox")
    parser.add_argument("--cpus", type=cli.positive_number, default="2", help="CPUs of one sandbox")
    parser.add_argument("--disk", type=cli.size, default="4g", help="bytes one sandbox may write")
    parser.add_argument(
        "--timeout", type=cli.positive_number, help="seconds of the pristine suite (default: the profile's, else 1800)"
    )
    parser.add_argument("--reference-runs", type=cli.positive_int, default=3, help="runs of the pristine suite")
    parser.add_argument("--min-passing", type=cli.share, default="0.95", help="of its test files and of its tests")
    parser.add_argument("--network", action="store_true", help="give the sandboxes the network")
    parser.add_argument("--base-image", help="base of the Docker image (default: node:<version>-bookworm-slim)")
    parser.add_argument("--with-swerex", action="store_true", help="add Python and swe-rex to the image (for sweagent)")
    parser.add_argument("--github", default="swesmith", help="owner of the mirrors (SWESMITH_ORG_GH)")
    parser.add_argument("--dockerhub", default="swebench", help="owner of the images (SWESMITH_ORG_DH)")
    parser.add_argument(
        "--output", type=cli.output_file, required=True, help="environment.json; the rest stands beside it"
    )
    args = cli.arguments(parser)
    cli.start_logging()
    needs = building.Needs(args.memory, args.pids, args.cpus, args.disk, args.timeout, args.network)
    gate = GateSettings(args.reference_runs, args.min_passing)
    settings = building.BuildSettings(
        args.backend, needs, args.base_image, args.github, args.dockerhub, args.with_swerex, gate
    )
    building.build(args.profile, settings, args.output, args.source)


if __name__ == "__main__":
    cli.run(main)
