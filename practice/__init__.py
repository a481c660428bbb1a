"""Real tables: resamplers for scikit-learn pipelines, recalibration, rivals, benchmark.

The modules:

* reading: `cells` (numbers or categories), `reading` (CSV files), `columns`, `datasets`;
* resampling: `resampler` (the imbalanced-learn sampler), `amounts` and `planning` (how many rows),
  `row_laws` (fitted laws), `generators` (a generator of one's own);
* language models: `text_generator`, `language_model` (ask, read, guard), `row_text` (rows as
  text and back), `character_model`, `hugging_face`, `text_guard`;
* judging: `recalibration` and `calibration_check`, `contamination` (copies), `splits`, `rivals`,
  `judging`, `comparison`, `benchmark` and ``benchmark_*``, `planner_study`;
* the door: ``command_*``, `options`; `extra` says what is missing where it is.
"""
