"""The curves of a training that was killed and gone on with are those of one that was not."""

from pathlib import Path

import pytest

from tracesmith.training import curves


def write(folder: Path, name: str, *lines: str) -> None:
    (folder / name).write_text("".join(f"{line}\n" for line in lines))


def test_a_step_that_was_done_again_is_taken_from_the_last_process(tmp_path: Path) -> None:
    write(tmp_path, "log_100.txt", "Step 1 | loss:3.0 lr:0.1", "Step 2 | loss:2.9 lr:0.1")
    with (tmp_path / "log_100.txt").open("a") as out:
        out.write("Step 3 | lo")
    write(tmp_path, "log_200.txt", "Step 2 | loss:2.5 lr:0.1 ", "Step 3 | loss:2.0 lr:0.1 ")
    found = curves.read(tmp_path)
    assert [values["loss"] for values in found] == [3.0, 2.5, 2.0]
    curves.check(found, "logs")


@pytest.mark.parametrize(("line", "said"), [("Step 1 | loss:nan", "the loss of step 1 is nan"), ("", "no step")])
def test_a_loss_that_is_none_is_a_failure(tmp_path: Path, line: str, said: str) -> None:
    write(tmp_path, "log_1.txt", line)
    with pytest.raises(curves.NotANumberError, match=said):
        curves.check(curves.read(tmp_path), "logs")
