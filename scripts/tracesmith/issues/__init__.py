"""Issue texts: what the agent is told about the bug."""
