"""y: from labels to losses, and from scores back to labels."""
