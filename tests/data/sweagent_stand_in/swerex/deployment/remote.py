"""The one that SWE-agent is given."""


class RemoteDeployment:
    """A place to work that somebody else has made."""
