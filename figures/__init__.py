"""Figures drawn from the artifacts that `simulate` writes; nothing is simulated here."""
