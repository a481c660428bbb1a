"""Figures drawn from the artifacts that `simulate` writes; nothing is simulated here.

`gallery` lists the figures: one module each, in `risk`, `scaling`, `in_context` and `proportional`,
which ends in its `spec` (artifacts, theorems, caption); `style` is their common look; `drawings`
draws them for a report, `plan` the figure of a plan for a table, `hero` the picture of the README.
"""
