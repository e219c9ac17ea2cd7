#!/usr/bin/env python3
"""
Measure the page of a run: making it, and in Chromium opening, sorting, filtering and searching it.

    benchmarks/report_page.py --rows 10000

The run is made up (tests/report_inputs.py), the page and the browser are real.
"""

import argparse
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests")]

import report_inputs  # noqa: E402
from tracesmith import cli  # noqa: E402
from tracesmith.reports import run_report  # noqa: E402

MINUTES_10 = 600_000
"""In milliseconds, what the browser may take for one thing."""


def timed(what: str, work: Callable[[], object]) -> None:
    """Do something and print what it took by the clock, and of the processor of this process."""
    began, cpu = time.monotonic(), time.process_time()
    work()
    cli.say(f"{what:28} {time.monotonic() - began:7.2f} s {time.process_time() - cpu:7.2f} CPU s")


def painted(page: Page, act: Callable[[], object]) -> Callable[[], None]:
    """Return something to do with a page, and to wait for what it shows then."""

    def _act() -> None:
        act()
        page.evaluate("new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    return _act


def use(page: Page, path: Path, rows: int) -> None:
    """Do with a page what a reader does."""
    shown, heads, find = page.locator("#shown"), page.locator("#instances"), page.get_by_label("Find")
    timed("open", painted(page, lambda: page.goto(path.as_uri())))
    timed("sort by name", painted(page, heads.get_by_role("button", name="Instance").click))
    timed("sort by number", painted(page, heads.get_by_role("button", name="F2P").click))
    verdict = page.get_by_label("Verdict")
    timed("filter", painted(page, lambda: verdict.select_option("timed_out")))
    verdict.select_option("")
    timed("find in the rows", painted(page, lambda: find.fill("op swap")))
    find.fill("needle77 and")
    page.get_by_label("in all text").check()
    timed("find in all text", lambda: expect(shown).to_have_text(f"1 of {rows}", timeout=MINUTES_10))
    timed("open a row", painted(page, page.locator("tbody:not([hidden]) summary").first.click))


def main() -> None:
    """Make the page, and use it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000)
    parser.add_argument("--characters", type=int, default=2_000, help="of a trajectory")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        folder = Path(name)
        run = report_inputs.make(folder, args.rows, args.characters)
        output = folder / "run.html"
        timed("make the page", lambda: run_report.report("run", run, output, folder / "run.json"))
        cli.say(f"{'size':28} {output.stat().st_size / 1e6:7.2f} MB")
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(MINUTES_10)
        use(page, output, args.rows)
        browser.close()


if __name__ == "__main__":
    main()
