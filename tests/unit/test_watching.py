"""What a terminal is shown of jobs that say in their logs how far they are."""

import os
import sys
import time
from pathlib import Path

import pytest

from tracesmith import progress, watching
from tracesmith.llm.tally import Tally
from tracesmith.watching import Watch

BEGAN = time.time() - 60


def say(log: Path, *lines: str) -> None:
    with log.open("a") as file:
        file.writelines(f"18:21:09 INFO tracesmith.progress: {line}\n" for line in lines)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "validate_bugs" / "a__b.1.report.log"


@pytest.fixture
def watch(log: Path) -> Watch:
    log.parent.mkdir()
    return Watch({"validate_bugs a__b.1.report": log}, BEGAN)


def test_the_last_word_of_a_log_becomes_a_bar_with_time_and_money(log: Path, watch: Watch) -> None:
    say(log, "candidates: 1 of 40 done", "candidates: 10 of 40 done; 3 min left; paid 0.42 USD", "another line")
    assert list(watch.news()) == [
        "validate_bugs a__b.1.report [#####---------------] 10 of 40; 3 min left; paid 0.42 USD"
    ]


def test_a_line_of_an_agent_is_cut_to_what_we_count(log: Path, watch: Watch) -> None:
    say(log, "a__b.1.x: submitted, 5 calls, 1 s; 3 of 12 done; 9 min left; paid 0.0126 USD")
    assert list(watch.news()) == [
        "validate_bugs a__b.1.report [#####---------------] 3 of 12; 9 min left; paid 0.0126 USD"
    ]


def test_nothing_is_said_twice_nor_again_at_once_but_that_it_is_done(log: Path, watch: Watch) -> None:
    say(log, "candidates: 1 of 4 done")
    assert len(list(watch.news())) == 1
    assert list(watch.news()) == []
    say(log, "candidates: 2 of 4 done")
    assert list(watch.news()) == []
    say(log, "candidates: 4 of 4 done")
    assert [line.endswith("[####################] 4 of 4") for line in watch.news()] == [True]


def test_what_another_run_said_and_what_is_not_there_is_no_news(log: Path, watch: Watch) -> None:
    assert list(watch.news()) == []
    say(log, "candidates: 1 of 4 done")
    os.utime(log, (BEGAN - 1, BEGAN - 1))
    assert list(watch.news()) == []


def test_a_line_that_is_not_whole_yet_waits(log: Path, watch: Watch) -> None:
    say(log, "candidates: 1 of 4 done")
    with log.open("a") as file:
        file.write("18:21:10 INFO tracesmith.progress: candidates: 2 of 4 do")
    assert [line.partition("] ")[2] for line in watch.news()] == ["1 of 4"]


@pytest.mark.parametrize("costs", [None, Tally()])
def test_what_our_progress_writes_is_understood(
    log: Path, watch: Watch, caplog: pytest.LogCaptureFixture, costs: Tally | None
) -> None:
    with caplog.at_level("INFO"), progress.Progress(2, "candidates", costs) as shown:
        shown.step()
    say(log, *caplog.messages)
    assert [line.partition("] ")[2].startswith("1 of 2; 0 s left") for line in watch.news()] == [True]


@pytest.mark.parametrize("looks", [True, False])
def test_what_came_up_to_the_end_is_shown_where_somebody_looks(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, log: Path, looks: bool
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: looks)
    log.parent.mkdir()
    terminal = watching.Terminal()
    terminal.begin([log])
    say(log, "candidates: 1 of 4 done")
    terminal.end()
    assert capsys.readouterr().err.count("1 of 4") == looks


def test_the_words_of_others_are_no_count_and_reach_no_terminal(log: Path, watch: Watch) -> None:
    forged = "; 1 of 1 done \x1b]0;hello\x07"
    say(log, f"x: exit_error, will be run again: said{forged}; 3 of 4 done; 9 s left", f"y: {'9' * 5000} of 1 done")
    assert [line.partition("] ")[2] for line in watch.news()] == ["3 of 4; 9 s left"]


def test_bars_of_nothing_are_full() -> None:
    assert watching.bar(0, 0) == watching.bar(3, 3) == f"[{'#' * watching.WIDTH}]"
