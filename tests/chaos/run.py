#!/usr/bin/env python3
"""
Disturb the line with seeded faults and print which kinds it survived; exit with 1 when one fault was not survived.

    python tests/chaos/run.py --count 200 --seed 1

A fault that this machine cannot make (no engine, no root, no libfaketime) is named, and drawn as another kind.
"""

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parents[1] / "scripts")]

import cases  # noqa: E402
import needs  # noqa: E402
from cases import Result  # noqa: E402
from tracesmith import cli  # noqa: E402

NAME_WIDTH = 26


def main() -> None:
    """Play the cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=200, help="faults")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="faults at once")
    parser.add_argument(
        "--kind",
        action="append",
        choices=sorted(cases.KINDS),
        help="only faults of this kind; may be given several times",
    )
    args = parser.parse_args()
    # What a shell has put into the background ignores Ctrl-C, and hands that down.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    kinds = {name: kind for name, kind in cases.KINDS.items() if not args.kind or name in args.kind}
    for name, kind in list(kinds.items()):
        missing = [what for marker in kind.needs.split() if (what := needs.NEEDS[marker]())]
        if missing:
            cli.say(f"not made: {name}: missing {', '.join(missing)}")
            del kinds[name]
    if not kinds:
        sys.exit("error: this machine can make no fault of these kinds")
    place = Path(tempfile.mkdtemp(prefix="tracesmith-chaos."))
    theatre = cases.Theatre(place)
    theatre.prepare()
    results = []
    with ThreadPoolExecutor(args.workers) as executor:
        for result in executor.map(theatre.play, cases.draw(args.count, args.seed, kinds)):
            cli.say(_line(result))
            results.append(result)
    cli.say(f"\n{table(results)}")
    if any(result.why_not for result in results):
        cli.say(f"what was not survived stands in {place}")
        sys.exit(1)
    shutil.rmtree(place)


def table(results: Sequence[Result]) -> str:
    """Return how many faults of each kind there were, and how many the line survived."""
    lines = [f"{'fault':{NAME_WIDTH}} number  survived  not survived"]
    for kind in dict.fromkeys(result.case.kind for result in results):
        mine = [result for result in results if result.case.kind == kind]
        lines.append(_row(kind, mine))
    return "\n".join([*lines, _row("all", results)])


def _row(name: str, results: Sequence[Result]) -> str:
    lost = sum(bool(result.why_not) for result in results)
    return f"{name:{NAME_WIDTH}} {len(results):6}  {len(results) - lost:8}  {lost:12}"


def _line(result: Result) -> str:
    end = f"NOT SURVIVED\n{result.why_not}" if result.why_not else "survived"
    return f"{result.case.name}: {result.struck} ({result.seconds:.0f} s): {end}"


if __name__ == "__main__":
    main()
