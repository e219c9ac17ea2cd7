"""Mirrors: repositories of the task instances that others can reach."""
