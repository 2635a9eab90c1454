"""The estimators: what users call."""
