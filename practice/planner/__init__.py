"""From a table to a plan. `SEED` is the default of every random part, of command and API alike."""

SEED = 2024
