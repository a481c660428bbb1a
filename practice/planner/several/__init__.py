"""More than two classes: fits, losses' theory and thresholds of the planner."""
