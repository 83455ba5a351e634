"""Every listing and count. Nothing here writes."""
