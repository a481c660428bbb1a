"""Real tables: how many synthetic rows to add, resamplers for scikit-learn pipelines, benchmarks.

`resampler` is the imbalanced-learn sampler, `recalibration` gives probabilities on the original
prevalence, `calibration_check` draws reliability; `extra` says what is missing where it is.

The folders, each of which uses only those before it:

* `rows`: cells, columns, fitted laws of rows, copies, the tables that ship with scikit-learn;
* `text`: rows as text, language models, and what guards against copies;
* `planner`: from a table to a plan: sources, estimates, intervals, the decision, its report;
* `planner_study`: the planner judged beside its rivals, on tables whose truth is known;
* `benchmark`: methods compared on real tables;
* `commands`: ``oversampling plan``, ``resample``, ``recalibrate``, ``copies`` and others.
"""
