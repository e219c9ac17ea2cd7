"""Which arguments of an upstream test command go on to the runner: those that choose tests or their configuration."""

import re
from collections.abc import Callable, Sequence

# Ours sets them, or they change only what is shown; a value follows some.
DROPPED = {
    "run", "test", "--run", "--ci", "--verbose", "--silent", "--coverage", "--no-cache", "--cache", "--runInBand", "-i",
    "--no-color", "--no-colors", "--watch", "--watchAll", "--typecheck", "--no-cloud", "--skip-nx-cache",
}  # fmt: skip
DROPPED_WITH_VALUE = {
    "--reporter", "--reporters", "--reporter-options", "--reporter-option", "--outputFile", "--maxWorkers", "-w",
    "--timeout", "--testTimeout", "--color", "--colors", "--retries", "--parallel",
}  # fmt: skip
MASKS = {"--passWithNoTests", "--pass-with-no-tests"}
COLOURS = {"--color", "--colors"}
OFF = {"false", "off", "0"}


def kept(arguments: Sequence[str], doubt: Callable[[str, str], None]) -> list[str]:
    """Return the arguments that go on; forced colours and masked failures among the others are doubts."""
    rest = list(arguments)
    found = []
    while rest:
        argument = rest.pop(0)
        name, equals, value = argument.partition("=")
        if name in MASKS:
            doubt("masked failures", f"{name} let a run without tests pass")
        elif name in DROPPED_WITH_VALUE:
            if not equals and rest and _is_value(name, rest[0]):
                value = rest.pop(0)
            if name in COLOURS and value not in OFF:
                doubt("forced colours", f"{name} is dropped")
        elif name not in DROPPED and argument != "--":
            found.append(argument)
    return found


def _is_value(name: str, word: str) -> bool:
    """Tell whether a word is the value of the flag before it; that of colours is optional."""
    return re.fullmatch(r"true|false|on|off|0|1", word) is not None if name in COLOURS else not word.startswith("-")
