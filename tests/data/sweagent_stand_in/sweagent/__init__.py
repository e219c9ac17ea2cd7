"""Stands in for SWE-agent where it cannot be installed: its command line, its client's calls and its files."""

__version__ = "1.1.0"
