"""Files dated in the future, which a clock that was ahead leaves: Snakemake takes what is made of them for outdated."""

import os
import time
from collections.abc import Iterable
from pathlib import Path

from tracesmith.errors import InputError


def bring_back(paths: Iterable[Path]) -> list[Path]:
    """
    Give the files and folders that are dated in the future the present time; return them.

    Raises InputError for one whose time cannot be set: what would be made of it, Snakemake would throw away.
    """
    now_ns = time.time_ns()
    ahead = sorted({path for path in paths if path.exists() and path.stat().st_mtime_ns > now_ns})
    for path in ahead:
        try:
            os.utime(path, ns=(now_ns, now_ns))
        except OSError as error:
            raise InputError(
                f"{path}: is dated in the future, and cannot be given the present time ({error.strerror}); "
                "set the clock, or have its owner touch it"
            ) from None
    return ahead
