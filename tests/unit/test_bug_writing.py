"""What becomes of the answers of a model: each one is a bug or refused, and none is lost."""

from pathlib import Path
from typing import Any, cast

from tracesmith.bugs import sources
from tracesmith.bugs.asking import targets, writing
from tracesmith.bugs.asking.written import Outcome, Said

CODE = """export const count = (from: number) => function count(): number {
  const next = from + 1;
  from = next;
  return next;
};
"""


def test_answers_about_functions_of_one_name_in_one_line_are_all_kept() -> None:
    file = sources.parse("src/count.ts", CODE.encode())
    assert file is not None
    both = list(targets.targets_of(file))
    assert len(both) == 2 and both[0].place == both[1].place
    settings = writing.WritingSettings("llm_modify", Path("prompt.yml"), ["src/**"], screens=())
    job = writing.Job(cast("Any", None), settings, cast("Any", None), Path("environment.json"), "local__count.1")
    outcome = Outcome("lm_modify", job.repo)
    mistakes = [("from + 1", "from + 2"), ("= next", "= next + 1")]
    answers = [Said(one, 0, f"```ts\n{one.shown().replace(*mistakes[n])}\n```") for n, one in enumerate(both)]
    writing._sort(job, answers, outcome)
    assert [bug.said for bug in outcome.bugs] == answers
