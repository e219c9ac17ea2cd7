"""How a call of a model can fail for good, told apart by what the caller should do."""

from tracesmith.errors import IncompleteError, InfrastructureError, InputError, TracesmithError


class ModelSettingsError(InputError):
    """The server or litellm refuses the model, the key or a parameter: every other call would fail as well."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class PromptRefusedError(TracesmithError):
    """This prompt was refused, too long or against the provider's policy: a verdict about the instance."""

    def __init__(self, message: str, too_long: bool) -> None:
        super().__init__(message)
        self.too_long = too_long


class ModelUnavailableError(InfrastructureError):
    """No answer after every retry: no verdict, the same command tries again."""


class BudgetSpentError(IncompleteError):
    """A cost cap is reached: what was answered is stored, a higher cap goes on from there."""
