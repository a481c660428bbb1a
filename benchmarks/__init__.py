"""What the package's work costs, side by side with what else does it: ``python -m benchmarks``."""
