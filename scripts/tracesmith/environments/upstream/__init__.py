"""SWE-smith's registered TypeScript profiles, read from an installation of it and written as profiles of ours."""
