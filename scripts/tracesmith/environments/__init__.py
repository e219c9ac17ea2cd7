"""From a profile to a place where the repository's tests run: sources, dependencies, image or prepared tree."""
