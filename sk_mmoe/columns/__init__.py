"""X: from the columns of a table to what a network reads."""
