"""The pages of docs/reference and the picture in README.md: made from the sources, so that they say what those do."""
