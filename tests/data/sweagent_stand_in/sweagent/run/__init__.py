"""Stands in for what SWE-agent imports when it starts."""
