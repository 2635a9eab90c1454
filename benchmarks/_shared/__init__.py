"""What the benchmarks of all rooms share."""
