"""Stands in for swe-rex."""
