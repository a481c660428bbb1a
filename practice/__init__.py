"""Real tables: how many synthetic rows to add, resamplers for scikit-learn pipelines, benchmarks.

`resampler` is the imbalanced-learn sampler, `recalibration` gives probabilities on the original
prevalence, `calibration_check` draws reliability; `extra` says what is missing where it is.

The folders, each of which uses only those before it:

* `rows`: cells, columns, fitted laws of rows, copies, the tables that ship with scikit-learn;
* `text`: rows as text, language models, and what guards against copies;
* `planner`: from a table to a plan: theory's proposal, cross-validation's evidence, the decision;
* `planner_study`: the planner judged on simulated and real tables whose future is known;
* `benchmark`: methods compared on real tables;
* `commands`: ``oversampling plan``, ``resample``, ``recalibrate``, ``copies`` and others.
"""

from importlib import import_module

__all__ = ["SyntheticOverSampler", "plan_table"]

_WHERE = {"SyntheticOverSampler": "resampler", "plan_table": "planner.plan"}


def __getattr__(name: str):
    """Public names, imported when they are first asked for."""
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
