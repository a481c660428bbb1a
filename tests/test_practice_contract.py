"""The resampler keeps the contracts of imbalanced-learn and scikit-learn."""

import pytest
from imblearn.utils.estimator_checks import parametrize_with_checks as imblearn_checks
from sklearn.utils.estimator_checks import parametrize_with_checks as sklearn_checks

from synthetic_oversampling.practice.recalibration import RecalibratedClassifier
from synthetic_oversampling.practice.resampler import SyntheticOverSampler

SAMPLERS = [
    SyntheticOverSampler("plugin", random_state=0),
    SyntheticOverSampler("predictive", covariance="pooled", random_state=0),
]


def _listed(decorator):
    """The same parametrisation with a list, as pytest wants it.

    The check of array-API input runs only where SciPy was started with SCIPY_ARRAY_API.
    """
    names, checks = decorator.mark.args
    ids = decorator.mark.kwargs["ids"]
    kept = [pair for pair in checks if "array_api_input" not in ids(pair[1])]
    return pytest.mark.parametrize(names, kept, ids=ids)


@pytest.mark.filterwarnings(
    "ignore::synthetic_oversampling.practice.resampler.NothingAdded"
)  # some use level classes
@_listed(imblearn_checks(SAMPLERS))
def test_the_contract_of_imbalanced_learn_is_kept(estimator, check):
    check(estimator)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::synthetic_oversampling.practice.resampler.NothingAdded")
@_listed(
    imblearn_checks(
        [
            SyntheticOverSampler("mixture", max_components=2, random_state=0),
            SyntheticOverSampler("in_context", random_state=0),
        ]
    )
)
@pytest.mark.filterwarnings(
    "ignore::synthetic_oversampling.transformer_toy.seeds.BeyondTraining"
)  # 201 seeds a group
def test_the_contract_is_kept_by_the_generators_that_take_longer(estimator, check):
    check(estimator)


@_listed(sklearn_checks(SAMPLERS[:1]))
def test_the_contract_of_scikit_learn_is_kept(estimator, check):
    check(estimator)


@_listed(sklearn_checks([RecalibratedClassifier()]))
def test_the_recalibrating_classifier_keeps_the_contract_of_scikit_learn(estimator, check):
    check(estimator)
