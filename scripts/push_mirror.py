#!/usr/bin/env python3
"""
Push a repository's mirror, with its instance branches, to GitHub; GITHUB_TOKEN has to be in the environment.

    scripts/push_mirror.py logs/build_images/REPO/environment.json \\
        --instances logs/task_insts/REPO.json \\
        --owner-type org \\
        --output logs/mirrors/REPO.json
"""

import os
from pathlib import Path

from tracesmith import cli, remotes
from tracesmith.mirrors import github, pushing


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("environment", type=Path, help="environment.json; the mirror stands beside it")
    parser.add_argument("--instances", type=Path, required=True, help="task instances, a JSON list")
    parser.add_argument("--owner-type", choices=["user", "org"], default="user", help="what the mirror's owner is")
    parser.add_argument("--public", action="store_true", help="create a public repository (default: private)")
    parser.add_argument("--api-url", default="https://api.github.com", help="REST API (default: %(default)s)")
    parser.add_argument("--git-url", default="https://github.com", help="git server (default: %(default)s)")
    parser.add_argument("--output", type=cli.output_file, required=True)
    args = parser.parse_args()
    cli.start_logging()
    server = github.Server(args.api_url, args.git_url, args.owner_type, private=not args.public)
    pushing.push(args.environment, args.instances, server, remotes.read_token(os.environ), args.output)


if __name__ == "__main__":
    cli.run(main)
