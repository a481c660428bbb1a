"""What is observed: groups and generators sampled, scores fitted, replicates counted, and each
theorem's prediction judged against them."""

from simulate.datasets import Dataset, draw_dataset
from simulate.erm import FitResult, empirical_gradient, fit
from simulate.measure import measure_generator
from simulate.mixtures import sample_group
from simulate.monte_carlo import Estimate, estimate, run
from simulate.samplers import sample_synthetic

__all__ = [
    "Dataset",
    "Estimate",
    "FitResult",
    "draw_dataset",
    "empirical_gradient",
    "estimate",
    "fit",
    "measure_generator",
    "run",
    "sample_group",
    "sample_synthetic",
]
