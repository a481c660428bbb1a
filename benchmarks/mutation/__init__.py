"""Search for small errors that nothing notices: ``python -m benchmarks.mutation``."""
