"""Who made a sandbox: a label by which the leftovers of a dead process are told from the work of a live one."""

import os
import re
import socket
from pathlib import Path

LABEL = re.compile(r"(?P<host>[\w-]*)\.(?P<pid>\d+)\.(?P<start>\d+)(\.\w+)?")


def label() -> str:
    """Return this process's label: host, pid and the start time in clock ticks (proc(5)); never used twice."""
    pid = os.getpid()
    return f"{_host()}.{pid}.{_start_time(pid)}"


def is_dead(owner: str) -> bool:
    """
    Tell whether the process of a label made on this host is gone; labels of other hosts are never judged.

    A name may follow the label after a dot.
    """
    match = LABEL.fullmatch(owner)
    if not match or match["host"] != _host():
        return False
    return _start_time(int(match["pid"])) != match["start"]


def temporary_name(name: str) -> str:
    """Return the hidden name under which this process writes what is then renamed to `name`."""
    return f".{name}.{label()}.tmp"


def is_abandoned(temporary: str) -> bool:
    """Tell whether a name made by `temporary_name` is of a process that is gone."""
    return is_dead(".".join(temporary.removesuffix(".tmp").split(".")[-3:]))


def _host() -> str:
    return re.sub(r"[^\w-]", "-", socket.gethostname())


def _start_time(pid: int) -> str | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] == "Z" else fields[19]
