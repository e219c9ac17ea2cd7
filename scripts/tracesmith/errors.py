"""The errors a user meets as one line: everything else keeps its traceback."""


class TracesmithError(Exception):
    """An error whose message alone tells the user what happened and what to do."""

    exit_code = 1


class InputError(TracesmithError):
    """An argument or a file is wrong: the message names the file, the record and the remedy. Nothing was written."""

    exit_code = 2


class InfrastructureError(TracesmithError):
    """Something that is no verdict went wrong: an engine is missing, a sandbox did not start, a disk is full."""


class IncompleteError(TracesmithError):
    """Some instances have no verdict; what is done is safe in the store and the same command goes on from there."""


class StoppedError(InfrastructureError):
    """The sandboxes of this process were stopped on purpose while work was under way."""
