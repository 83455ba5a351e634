"""Faults inflicted on a real Shoebox by a plan, and what is left of the promises afterwards."""
