"""Bugs of a language model: which functions it is asked about, what it sees of them, and what its answers become."""
