"""The readers of console logs, by the name of the runner that wrote them."""

from collections.abc import Callable

from tracesmith.logs import jest, mocha, vitest
from tracesmith.runners.base import Reading

READERS: dict[str, Callable[[str], Reading]] = {"jest": jest.read, "mocha": mocha.read, "vitest": vitest.read}
