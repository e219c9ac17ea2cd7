"""The list of all checks, and what becomes of their findings. A new need is a function here in CHECKS."""

from collections.abc import Callable, Iterator, Sequence

from tracesmith.errors import InfrastructureError, TracesmithError
from tracesmith.preflight import boxes, containers, disks, endpoints, images, keys
from tracesmith.preflight.plan import MISSING, Finding, Plan

CHECKS: tuple[Callable[[Plan], Iterator[Finding]], ...] = (
    boxes.check_backends,
    boxes.check_node,
    images.check,
    disks.check,
    keys.check_mirror,
    keys.check_registry,
    keys.check_models,
    keys.check_prices,
    endpoints.check_values,
    endpoints.check_socks,
    endpoints.check,
    containers.check,
)


def examine(plan: Plan) -> list[Finding]:
    """Make all checks and return what they found; an error of one is a miss, and the others go on."""
    found: list[Finding] = []
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
