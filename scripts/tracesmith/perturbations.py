"""
What the runs of the pristine suite differ in, so that a test whose state hangs on it is seen.

The first run is plain: it is how every later stage runs the suite. The others change the order of the test files where
the runner lets them (never that inside a file: the tests of a file always run together and in its order), the CPU
quota, the time zone and the clock. Everything follows from the run's number. `Math.random` is left alone: Node seeds it
anew in every process, so that any two runs differ in it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

CLOCK = Path(__file__).parent / "runners" / "clock.cjs"
# Far apart, with odd offsets, and with daylight saving time on both sides of the equator. Node carries their rules.
TIME_ZONES = ("Asia/Kathmandu", "America/St_Johns", "Australia/Lord_Howe", "Pacific/Kiritimati")
# Forward only: a data set is used after it is made.
AHEAD_S = 11 * 86400 + 7 * 3600


@dataclass(frozen=True)
class Perturbation:
    """What one run changes."""

    cpu_share: float = 1.0
    """Part of the CPU quota that is left."""
    time_zone: str | None = None
    ahead_s: int = 0
    """How far the clock is ahead, in every Node process of the run."""
    order: int | None = None
    """Decides the order of the test files; None for the runner's own."""

    def environment(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return the variables of a run of a profile with these; a time zone of the profile's own stays."""
        changed = dict(variables)
        if self.time_zone:
            changed.setdefault("TZ", self.time_zone)
        if self.ahead_s:
            own = filter(None, [variables.get("NODE_OPTIONS")])
            changed["NODE_OPTIONS"] = " ".join([*own, f"--require={self.clock_path()}"])
        return changed

    def clock_path(self) -> str:
        """Return where the preload that moves the clock stands in the sandbox; it reads the way from its name."""
        return f"/tmp/tracesmith-clock.{self.ahead_s * 1000}.cjs"  # noqa: S108 - a path inside the sandbox

    def timeout_s(self, plain_s: float) -> float:
        """Return the time limit of the run: with fewer CPUs it may take longer."""
        return plain_s / self.cpu_share

    def __str__(self) -> str:
        """Say what is changed."""
        if self == PLAIN:
            return "plain"
        days, hours = self.ahead_s // 86400, self.ahead_s % 86400 // 3600
        return f"TZ={self.time_zone}, clock {days} d {hours} h ahead, {self.cpu_share:g} of the CPUs, other file order"


PLAIN = Perturbation()


def of_run(number: int) -> Perturbation:
    """Return what the run of a number, from 1 on, changes."""
    if number == 1:
        return PLAIN
    zone = TIME_ZONES[(number - 2) % len(TIME_ZONES)]
    return Perturbation(cpu_share=0.5, time_zone=zone, ahead_s=(number - 1) * AHEAD_S, order=number)
