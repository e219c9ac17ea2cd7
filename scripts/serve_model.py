#!/usr/bin/env python3
"""
Serve a model on the CPU, in OpenAI's format, for as long as a command runs; it finds the server by OPENAI_API_BASE.

    scripts/serve_model.py outputs/RUN/manifest.json --python .venv-training/bin/python -- \\
        sh -c 'curl -s $OPENAI_API_BASE/models'

The model is a folder as the Hugging Face hub has it, its config.json, or the manifest of a training. Exit code: the
command's.
"""

import sys
from pathlib import Path

from tracesmith import cli
from tracesmith.training import serving, trials


def main() -> None:
    parser = cli.parser(__doc__)
    parser.add_argument("model", type=Path)
    parser.add_argument("--python", type=Path, required=True, help="Python of the trainer's environment")
    parser.add_argument("--max-tokens", type=cli.positive_int, default=1024, help="of an answer (default: %(default)s)")
    parser.add_argument("command", nargs="+", help="what is run, after --")
    args = cli.arguments(parser)
    cli.start_logging()
    sys.exit(serving.run(args.command, trials.folder_of(args.model), args.python, args.max_tokens))


if __name__ == "__main__":
    cli.run(main)
