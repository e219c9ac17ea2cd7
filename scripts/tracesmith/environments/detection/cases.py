"""What a repair looks at: a tree, what was tried, and what it said."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from tracesmith.environments.detection.attempts import Result
from tracesmith.environments.detection.states import State
from tracesmith.environments.detection.subjects import Subject


@dataclass(frozen=True)
class Case:
    """What a repair looks at."""

    subject: Subject
    state: State
    result: Result

    def says(self, pattern: str) -> bool:
        """Tell whether the attempt printed something."""
        return bool(re.search(pattern, self.result.text))


Repair = Callable[[Case], State]
"""Returns the state with a change, or the same where the errors do not ask for it."""
