"""draw_rules: the picture goes into its place and nowhere else, and what cannot be drawn is refused."""

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "draw_rules.py"
HEAD = "# A\n\n<!-- rules: made by `make reference` -->\n"
TAIL = "<!-- end of rules -->\n\ntext\n"
CHAIN = "id0[c]\nid1[b]\nid2[a]\n\tid1 --> id0\n\tid2 --> id0\n\tid2 --> id1\n"


def draw(folder: Path, graph: str, page: str) -> subprocess.CompletedProcess[str]:
    (folder / "graph").write_text(graph)
    (folder / "page.md").write_text(page)
    command = [sys.executable, SCRIPT, "graph", "--output", "page.md"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_arrows_that_others_imply_are_left_out_and_the_steps_are_in_order(tmp_path: Path) -> None:
    for before in ("", "an older picture\n"):
        assert draw(tmp_path, CHAIN, HEAD + before + TAIL).returncode == 0
        picture = "```mermaid\nflowchart TB\n    a --> b\n    b --> c\n```\n"
        assert (tmp_path / "page.md").read_text() == HEAD + picture + TAIL


@pytest.mark.parametrize(
    ("graph", "page", "said"),
    [
        ("no graph\n", HEAD + TAIL, "graph: no arrow"),
        (CHAIN, "# A\n", "page.md: wanted is one place"),
        (CHAIN + "\tid0 --> id2\n", HEAD + TAIL, "rules stand before each other"),
    ],
)
def test_what_cannot_be_drawn_is_refused_and_nothing_is_written(
    graph: str, page: str, said: str, tmp_path: Path
) -> None:
    done = draw(tmp_path, graph, page)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert said in done.stderr
    assert (tmp_path / "page.md").read_text() == page
