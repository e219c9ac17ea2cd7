"""Stands in for what SWE-agent imports when it starts, and for what that prints."""

import sys

sys.stdout.write("hello\n")
