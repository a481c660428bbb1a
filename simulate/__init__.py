"""Simulations: what is observed, and the verifier that holds it against the theory.

The folders, each of which uses only those before it:

* `tables`: CSV files of a user's: cells, names of columns, categories as indicators;
* `checks`: how a check is declared, sized and judged;
* `sampling`: random streams, groups and generators, data sets, empirical risk minimisation;
* `replicates`: Monte Carlo on any number of devices and processes, and its results on disk;
* `experiments`: what is replicated: designs, paths in weight and size, sequence models, networks;
  `independent` shares no code with `theory`;
* `validity`: settings on which verdicts on predictions are held against simulation;
* `claims`: what each theorem claims of an experiment, a module for each family; `printed` holds the
  printed formulas against what is computed;
* `sweeps`: the data of the figures;
* `mutants`: wrong formulas, each with the checks that must reject it;
* `verify`: all checks by suite, runs, the gate that judges wrong formulas, calibration;
* `report`: a run as a page, as text, as numbers;
* `commands`: ``oversampling verify``, ``report``, ``calibrate``, ``validity``.

Beside them: `checker` (claims of one's own, judged by the same rules), `artifacts` (files of
results) and `arguments` (what command lines share).
"""

from typing import TYPE_CHECKING

from synthetic_oversampling import lazy

if TYPE_CHECKING:
    from synthetic_oversampling.simulate.checker import (
        Claim,
        ClaimReport,
        assert_claims,
        check_claims,
    )
    from synthetic_oversampling.simulate.replicates.monte_carlo import Estimate, estimate, run
    from synthetic_oversampling.simulate.sampling.datasets import Dataset, draw_dataset
    from synthetic_oversampling.simulate.sampling.erm import FitResult, empirical_gradient, fit
    from synthetic_oversampling.simulate.sampling.measure import measure_generator
    from synthetic_oversampling.simulate.sampling.mixtures import sample_group
    from synthetic_oversampling.simulate.sampling.samplers import sample_synthetic

_HOMES = {
    "checker": "Claim ClaimReport assert_claims check_claims",
    "replicates.monte_carlo": "Estimate estimate run",
    "sampling.datasets": "Dataset draw_dataset",
    "sampling.erm": "FitResult empirical_gradient fit",
    "sampling.measure": "measure_generator",
    "sampling.mixtures": "sample_group",
    "sampling.samplers": "sample_synthetic",
}
__all__ = [
    "Claim",
    "ClaimReport",
    "Dataset",
    "Estimate",
    "FitResult",
    "assert_claims",
    "check_claims",
    "draw_dataset",
    "empirical_gradient",
    "estimate",
    "fit",
    "measure_generator",
    "run",
    "sample_group",
    "sample_synthetic",
]
__getattr__ = lazy(__name__, _HOMES)
