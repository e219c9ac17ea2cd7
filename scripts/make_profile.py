#!/usr/bin/env python3
"""
Make the profile of a repository nobody has seen, and prove it by running its tests.

    scripts/make_profile.py npm:css-what@8.0.0 --output configs/repos/my-css-what.yaml

SOURCE is npm:NAME@VERSION, git+URL@COMMIT_OR_TAG, a folder or an archive. A repository that cannot be handled ends with
exit code 2, a report of what was tried, and a draft beside the output.
"""

from tracesmith import cli
from tracesmith.environments.building import BuildSettings, Needs
from tracesmith.environments.detection import making


def main() -> None:
    """Read the flags and make the profile."""
    parser = cli.parser(__doc__)
    parser.add_argument("source", help="npm:NAME@VERSION, git+URL@COMMIT_OR_TAG, a folder or an archive")
    parser.add_argument("--package", help="folder or name of the package to test, of a monorepo (default: chosen)")
    parser.add_argument("--attempts", type=cli.positive_int, default=making.MOST_ATTEMPTS, help="attempts at most")
    parser.add_argument("--backend", choices=["auto", "docker", "bubblewrap"], default="auto")
    parser.add_argument("--memory", type=cli.size, help="memory of one sandbox (default: 10g)")
    parser.add_argument("--pids", type=cli.positive_int, default=512, help="processes of one sandbox")
    parser.add_argument("--cpus", type=cli.positive_number, default="2", help="CPUs of one sandbox")
    parser.add_argument("--disk", type=cli.size, default="4g", help="bytes one sandbox may write")
    parser.add_argument("--timeout", type=cli.positive_number, default="1800", help="seconds of one run of the suite")
    parser.add_argument("--network", action="store_true", help="give the sandboxes the network")
    parser.add_argument("--base-image", help="base of the Docker image (default: node:<version>-bookworm-slim)")
    parser.add_argument(
        "--output", type=cli.output_file, required=True, help="the profile, YAML; attempts are kept beside it"
    )
    args = cli.arguments(parser)
    cli.start_logging()
    needs = Needs(args.memory, args.pids, args.cpus, args.disk, args.timeout, args.network)
    settings = BuildSettings(args.backend, needs, args.base_image, "local", "local")
    making.make(args.source, settings, args.output, args.package, args.attempts)


if __name__ == "__main__":
    cli.run(main)
