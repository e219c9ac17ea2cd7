"""What a configuration needs and whether it is there: one module a kind of need, all listed in `checks`."""
