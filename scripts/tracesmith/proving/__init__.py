"""Stage check_workspaces: prove that nothing in an instance's workspace holds the fix."""
