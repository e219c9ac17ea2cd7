#!/usr/bin/env python3
"""
Tell what the search for secrets finds in public source, where nothing is one.

    npm pack zod rxjs axios express nodemailer undici && mkdir src && for f in *.tgz; do tar -xzf $f -C src; done
    benchmarks/redactions.py src

E-mail addresses in public source are e-mail addresses all the same; every other find is a false one.
"""

import argparse
import sys
import time
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
SUFFIXES = {".ts", ".tsx", ".mts", ".cts", ".js", ".jsx", ".mjs", ".cjs", ".json", ".md"}


def main() -> None:
    """Search every source file and print the share of false finds."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--show", action="store_true", help="print the finds")
    args = parser.parse_args()
    from tracesmith.sft.scrubbing import Scrubber  # noqa: PLC0415 - found by the line above

    scrubber, characters, lines, started = Scrubber(), 0, 0, time.process_time()
    found: Counter[str] = Counter()
    for path in sorted(path for path in args.folder.rglob("*") if path.suffix in SUFFIXES and path.is_file()):
        text = path.read_text("utf-8", "replace")
        characters += len(text)
        lines += text.count("\n") + 1
        for value, kind in scrubber.secrets([text]).items():
            found[kind] += text.count(value) * len(value)
            if args.show:
                say(f"{path}: {kind}: {value[:100]!r}")
    seconds = time.process_time() - started
    false = sum(found.values()) - found["EMAIL"]
    say(f"{characters} characters of {lines} lines in {seconds:.1f} CPU s: {dict(found)}")
    say(f"false: {false} characters, {100 * false / max(characters, 1):.4f} %")


def say(words: str) -> None:
    """Print a line of the result."""
    print(words, flush=True)  # noqa: T201 - the result that was asked for


if __name__ == "__main__":
    main()
