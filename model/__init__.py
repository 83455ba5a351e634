"""Judges pictures: bytes in, verdicts out. Knows no queue, no database, no HTTP."""
