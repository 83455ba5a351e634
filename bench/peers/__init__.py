"""Shoebox beside what somebody would build instead: each such service is a file here, and is started by its name."""
