"""What is observed: groups and generators sampled, scores fitted, replicates counted, and each
theorem's prediction judged against them.

The modules, from a random number to a verdict:

* a data set: `streams` (random numbers), `mixtures`, `samplers` (every generator), `datasets`;
* a fit: `erm`, and `streaming` for data that are never in memory; `measure` for generators that are
  known by their samples only;
* replicates: `monte_carlo`, on many devices (`sharding`) and machines (`processes`), compiled once
  (`compilation`); `control` makes them fewer;
* what is replicated: `configurations` and `experiments`, `discriminant`, `scaling_paths`,
  `phase_points`, `sequences`, `in_context`, `score_bias`; `independent` shares no code with
  `theory`; `enumeration` needs no replicates;
* a verdict: `declaration` (of a check), `checks` (plan and judgement), `claims` and ``claims_*``
  (what each theorem claims of an experiment), `printed_settings`, `printed_rows` and
  `printed_bounds` (printed formulas in numbers), `suites` (all of them: new checks are entered
  here), `selection`, `spreads`, `verify`;
* its keeping: `artifacts`, `results`; its look: `reporting` and ``reporting_*``, `report_page` and
  its parts ``report_*``;
* the verifier verified: `mutation`, `mutants` and ``mutants_*`` (wrong formulas), `gate`,
  `gate_record`, `calibration` and `calibration_seeds`;
* the verdicts on predictions held against simulation: `validity_cases`, `validity_trials`;
* data of the figures: `sweeps` and ``sweeps_*``, on `paths` of settings; `recorded`; `power_law`;
* a table of one's own: `tables` and `table_names`, and `planner` with its parts ``planner_*``: the
  table and its sources, estimates, intervals, the decision, and how it was validated
  (`planner_trials`, `planner_offered`);
* the door: ``command_*``, `arguments`.
"""

from synthetic_oversampling.simulate.replicates.monte_carlo import Estimate, estimate, run
from synthetic_oversampling.simulate.sampling.datasets import Dataset, draw_dataset
from synthetic_oversampling.simulate.sampling.erm import FitResult, empirical_gradient, fit
from synthetic_oversampling.simulate.sampling.measure import measure_generator
from synthetic_oversampling.simulate.sampling.mixtures import sample_group
from synthetic_oversampling.simulate.sampling.samplers import sample_synthetic

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
