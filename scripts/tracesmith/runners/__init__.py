"""
The test runners: how each is made to write a report, and what its report says. Console text is never read.

vitest and jest write JSON of their own. For mocha, node:test and ava a small reporter of ours, a file of JavaScript
beside its module, writes a line of JSON for every test: their own reports lose titles or files, or mix with what tests
print.
"""

from tracesmith.runners import ava, jest, mocha, node_test, vitest
from tracesmith.runners.base import Runner

RUNNERS: dict[str, Runner] = {
    "vitest": vitest.RUNNER,
    "jest": jest.RUNNER,
    "mocha": mocha.RUNNER,
    "node_test": node_test.RUNNER,
    "ava": ava.RUNNER,
}
"""Each runner by its name in a profile."""
