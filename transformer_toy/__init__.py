"""A transformer small enough to write down that generates synthetic minority data."""
