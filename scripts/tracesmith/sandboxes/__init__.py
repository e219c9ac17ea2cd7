"""Sandboxes: where code of strangers runs. One protocol, two backends; see `base.Sandbox`."""
