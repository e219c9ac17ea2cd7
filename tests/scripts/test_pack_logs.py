"""pack_logs.py as a user runs it, over the finished run of tests/data/line."""

from pathlib import Path

import pytest

from line_inputs import INSTANCES, REPO, SCRIPTS, check_refused, contents, run_in_fork

STORES = [f"logs/run_validation/{REPO}", f"logs/build_images/{REPO}", "logs/run_evaluation/demo"]


@pytest.mark.parametrize("wrong", ["logs/bug_gen", "logs/nowhere", INSTANCES])
def test_what_holds_no_store_is_refused_before_any_work(shared: Path, wrong: str) -> None:
    before = contents(shared)
    done = run_in_fork(shared, "pack_logs", [*STORES, wrong, "--over", "1"])
    check_refused(done, f"{wrong}: holds no entry of a store")
    assert contents(shared) == before


def test_a_later_step_reads_what_was_packed_and_writes_the_same_bytes(work: Path) -> None:
    gather = SCRIPTS["gather_instances"]
    assert run_in_fork(work, gather.name, gather.command()).returncode == 0
    plain = (work / gather.output).read_bytes()
    outputs = sorted(path.relative_to(work) for path in work.rglob("test_output*"))
    done = run_in_fork(work, "pack_logs", [*STORES, "--over", "1"])
    assert done.returncode == 0, done.stderr
    assert f"compressed {len(outputs)} outputs" in done.stderr
    packed = sorted(path.relative_to(work) for path in work.rglob("test_output*"))
    assert packed == sorted(path.with_name(f"{path.name}.gz") for path in outputs)
    assert run_in_fork(work, gather.name, gather.command()).returncode == 0
    assert (work / gather.output).read_bytes() == plain
    assert run_in_fork(work, "pack_logs", [*STORES, "--unpack"]).returncode == 0
    assert sorted(path.relative_to(work) for path in work.rglob("test_output*")) == outputs
