"""All that outlives a process: rows and blobs."""
