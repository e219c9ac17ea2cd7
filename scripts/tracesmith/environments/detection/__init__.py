"""Make a profile for a repository nobody has seen: read its files, plan, try the plan, repair it, write the YAML."""
