"""Snakemake's own report of a finished line: the pages and the figures, with captions, categories and labels."""

from pathlib import Path

import pytest

import workflows

pytestmark = [pytest.mark.sandbox, pytest.mark.network]


def test_the_report_of_snakemake_shows_pages_and_figures_with_their_captions(line: Path) -> None:
    done = workflows.snakemake(line, "reports/tiny-oracle.html", "--report", "report.html")
    assert done.returncode == 0, done.stdout
    figures = sorted(path.name for path in (line / "reports" / "figures" / "tiny-oracle").glob("*.svg"))
    assert {"funnel.svg", "operators.svg", "durations.svg"} <= set(figures)
    page = next((line / "reports" / "repos").glob("*.html"))
    for name in (*figures, page.name, "tiny-oracle.html"):
        assert f"Adding {name} " in done.stdout, name
    report = (line / "report.html").read_text()
    for words in (
        "What became of the candidates of each operator. Run tiny-oracle.",
        "How long the last job of each step took",
        "What became of every instance of the run tiny-oracle",
        f"What became of each candidate of {page.stem}",
        '"Runs"',
        '"Repositories"',
        '"shows": "funnel"',
    ):
        assert words in report, words
