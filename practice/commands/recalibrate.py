"""``oversampling recalibrate``: are probabilities right after resampling, and corrected?"""

from __future__ import annotations

import argparse
from pathlib import Path

from synthetic_oversampling.practice.commands import options as shared

__all__ = ["add_arguments", "run"]

_DESCRIPTION = """Fit a classifier to a table as it is, to the table resampled, and correct the
latter's probabilities to the table's own shares of the classes; judge all three on rows left out of
the fits, and draw their reliability. Exit status: 0 done, 2 bad usage or an unusable table."""
_SAMPLERS = ("plugin", "mixture", "predictive", "in_context", "duplicate", "smote")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command.

    Args:
        parser: the command's.
    """
    parser.description = _DESCRIPTION
    parser.add_argument("csv", type=Path, metavar="DATA.csv")
    shared.add_columns(parser)
    parser.add_argument(
        "--generator",
        default="plugin",
        choices=_SAMPLERS,
        help="what levels the classes (default plugin)",
    )
    parser.add_argument(
        "--covariance",
        default="pooled",
        choices=("group", "pooled"),
        help="of plugin and predictive (default pooled)",
    )
    parser.add_argument(
        "--classifier", default="logistic", choices=("logistic", "forest", "boosting")
    )
    parser.add_argument("--folds", type=shared.whole(2), default=5, help="default 5")
    shared.add_seed(parser)
    shared.add_output(
        parser, "--out", "FILE.png", required=False, text="draw the curves: .png, .svg or .pdf"
    )


def _sampler(options: argparse.Namespace):
    from imblearn.over_sampling import SMOTE, RandomOverSampler

    from synthetic_oversampling.practice.resampler import SyntheticOverSampler

    if options.generator == "smote":
        return SMOTE(random_state=options.seed)
    if options.generator == "duplicate":
        return RandomOverSampler(random_state=options.seed)
    covariance = options.covariance if options.generator in ("plugin", "predictive") else "group"
    return SyntheticOverSampler(
        options.generator,
        covariance=covariance,
        groups=options.attribute,
        random_state=options.seed,
    )


def run(options: argparse.Namespace) -> int:
    """Predict out of fold, print the scores, and draw.

    Args:
        options: what was parsed.

    Raises:
        ValueError: naming the option, for what does not fit together.
    """
    from synthetic_oversampling.figures import style
    from synthetic_oversampling.practice import calibration_check
    from synthetic_oversampling.practice.benchmark.judging import CLASSIFIERS
    from synthetic_oversampling.practice.rows.reading import read_csv

    kind = None
    if options.out is not None:
        kind = options.out.suffix.lstrip(".")
        if kind not in style.FORMATS:
            raise ValueError(
                f"--out: got {options.out}, expected a name that ends in "
                f"{', '.join('.' + one for one in style.FORMATS)}."
            )
        shared.check_new(options.out, options.overwrite, [options.csv])
    if options.attribute and options.generator in ("smote", "duplicate"):
        raise ValueError("--attribute: SMOTE and duplication level classes only; drop it.")
    data = read_csv(options.csv, options.label, options.attribute, options.categorical)
    features = data.drop(columns=options.label)
    if features.shape[1] == 0:
        raise ValueError(f"{options.csv}: has no columns besides the label {options.label!r}.")
    if options.generator == "smote" and (features.dtypes == "category").any():
        raise ValueError("--generator smote: interpolates numbers, and the table has categories.")
    found = calibration_check.check_calibration(
        features,
        data[options.label],
        _sampler(options),
        CLASSIFIERS[options.classifier](options.seed),
        folds=options.folds,
        seed=options.seed,
    )
    print(calibration_check.table(found))
    if options.out is not None:
        style.save(calibration_check.draw(found), options.out, kind)
        print(options.out)
    return 0
