"""SWE-agent's command line."""


class BasicCLI:
    """Makes a configuration of `--name=value`."""

    def __init__(self, config_type):
        self.config_type = config_type

    def get_config(self, args):
        return self.config_type(dict(word.removeprefix("--").split("=", 1) for word in args))
