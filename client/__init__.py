"""The typed HTTP client; imports nothing of ours."""
