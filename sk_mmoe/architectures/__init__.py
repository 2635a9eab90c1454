"""The architectures: a network's parameters and its estimators, one file each."""
