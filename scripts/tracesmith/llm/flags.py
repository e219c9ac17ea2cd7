"""The flags of every script that asks a model, and the client's settings that they make."""

from pathlib import Path

from tracesmith import cli
from tracesmith.errors import InputError
from tracesmith.llm.settings import Settings

FOLDER = Path("logs/llm")
"""Where all stages of a workflow keep their answers and their ledger, so that a cost cap holds for all of them."""


def add(parser: cli.Parser) -> None:
    """Give a script the flags of the client."""
    add_flag = parser.add_argument_group("the model").add_argument
    add_flag("--model", help="name as litellm knows it, such as anthropic/claude-sonnet-4-5")
    add_flag("--api-base", help="another server: of an OpenAI-compatible one its /v1")
    add_flag("--calls", type=cli.count, default=4, help="calls at once (default: %(default)s); 0 where none is made")
    add_flag("--requests-per-minute", type=cli.positive_number, help="of all processes that share --answers")
    add_flag("--max-cost", type=cli.positive_number, help="USD of all that shares --answers; default: no cap")
    add_flag("--stage-max-cost", type=cli.positive_number, help="USD of this script for this repository")
    add_flag(
        "--price",
        type=cli.amount,
        nargs=2,
        metavar=("READ", "WRITTEN"),
        help="USD per million tokens read and written, instead of litellm's",
    )
    add_flag("--allow-unknown-price", action="store_true", help="ask a model without a price; no cap counts it")
    add_flag("--answers", type=Path, default=FOLDER, help="folder of answers and ledger (default: %(default)s)")


def settings(args: cli.Arguments, stage: str, model: str | None = None) -> Settings:
    """
    Return the client's settings, with the cap of a stage; `model` is a file's own wish, which the flag wins over.

    Raises InputError when neither names a model, or no call may be made.
    """
    wanted = args.model or model
    if not wanted:
        raise InputError("no model is named: give --model (llm.model of the configuration)")
    if not args.calls:
        raise InputError(f"--calls 0: {wanted} is to be asked, so 1 at least is wanted")
    return Settings(
        model=wanted,
        folder=args.answers,
        api_base=args.api_base,
        workers=args.calls,
        requests_per_minute=args.requests_per_minute,
        max_cost_usd=args.max_cost,
        stage_caps={} if args.stage_max_cost is None else {stage: args.stage_max_cost},
        allow_unknown_price=args.allow_unknown_price,
        price=tuple(args.price) if args.price else None,
    )
