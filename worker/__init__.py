"""Turns sources into items and items into verdicts."""
