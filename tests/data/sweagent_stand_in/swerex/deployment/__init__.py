"""Stands in for swe-rex's deployments."""
