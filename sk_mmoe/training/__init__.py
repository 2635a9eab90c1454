"""The training loop and the way to predictions."""
