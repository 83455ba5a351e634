"""The shoebox command."""
