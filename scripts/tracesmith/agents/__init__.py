"""Agents: engines that work on an instance in its workspace and leave a trajectory in SWE-agent's layout."""
