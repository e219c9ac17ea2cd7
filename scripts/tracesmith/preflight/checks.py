"""The list of all checks, and what becomes of their findings. A new need is a function here in CHECKS."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from tracesmith.errors import InfrastructureError, TracesmithError
from tracesmith.preflight import boxes, containers, disks, endpoints, images, keys
from tracesmith.preflight.plan import MISSING, OK, Finding, Plan

CHECKS: tuple[Callable[[Plan], Iterator[Finding]], ...] = (
    boxes.check_backends,
    boxes.check_node,
    images.check,
    disks.check,
    keys.check_mirror,
    keys.check_registry,
    keys.check_store,
    keys.check_models,
    keys.check_prices,
    endpoints.check_values,
    endpoints.check_socks,
    endpoints.check,
    containers.check,
)


def examine(plan: Plan, more: Iterable[tuple[bool, str]] = ()) -> list[Finding]:
    """
    Make all checks and return what they found; an error of one is a miss, and the others go on.

    `more` is what a stage has found itself: whether it is there, and a line.
    """
    found = [Finding(OK if is_there else MISSING, text) for is_there, text in more]
    for check in CHECKS:
        try:
            found += check(plan)
        except TracesmithError as error:
            found.append(Finding(MISSING, str(error)))
    return list(dict.fromkeys(found))


def refuse(found: Sequence[Finding]) -> None:
    """Raise InfrastructureError when something is missing; the findings have been shown by then."""
    count = sum(finding.status == MISSING for finding in found)
    if count:
        raise InfrastructureError(
            f"{count} of the things that are needed {'is' if count == 1 else 'are'} MISSING, see above"
        )
