"""Every write to the database, one file per noun. Nothing here commits: the edge owns the transaction."""
