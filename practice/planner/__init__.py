"""From a table to a plan.

`SEED` is the default of every random part, of command and API alike; `METRICS` are what designs can
be compared by, named here so that the commands offer them without loading `planner.objectives`.
"""

SEED = 2024
METRICS = ("cross-entropy", "worst-group", "balanced-error", "auroc", "average-precision")
