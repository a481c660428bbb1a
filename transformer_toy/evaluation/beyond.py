"""Where seeds go beyond what a network was trained for: more of them, or groups of another kind.

A network is a function of seeds that is right on the groups it has seen. It reads more seeds than
that, and seeds of any law, without complaint; what it then writes is an extrapolation. The tests
here have four or five standard errors for a threshold, so that groups of its family are passed.
"""

import numpy as np
from scipy.stats import kurtosistest, skewtest

from synthetic_oversampling.theory.wording import counted
from synthetic_oversampling.transformer_toy.checkpoint import Model
from synthetic_oversampling.transformer_toy.seeds import Scaler, Seeds

__all__ = ["BeyondTraining", "beyond_training"]

_ERRORS = 5.0  # standard errors of a spread and of a correlation
_NORMAL = 4.0  # of skewness and kurtosis: at most four false alarms in ten thousand features
_FEWEST = 20  # seeds of a group below which its moments say nothing
_SPREAD = 1.25  # times the others' spread, below which a common one does little harm


class BeyondTraining(UserWarning):
    """A network was asked for what it was not trained for."""


def beyond_training(model: Model, seeds: Seeds, counts: dict[str, int], scaler: Scaler) -> list:
    """What a network was not trained for, among the groups that samples are wanted of.

    Args:
        model: a trained or hand-written network.
        seeds: of every group.
        counts: samples wanted of each label.
        scaler: of the seeds.

    Returns:
        Sentences, one a group and kind of doubt; none if there is no doubt.

    Example:
        >>> import numpy as np
        >>> from synthetic_oversampling.transformer_toy import constructed
        >>> from synthetic_oversampling.transformer_toy.seeds import from_arrays
        >>> few = from_arrays(np.arange(6.0)[:, None], np.array(list("aaaabb")))
        >>> beyond_training(constructed.location(1), few, {"b": 2}, Scaler(np.ones(1), np.eye(1)))
        []
    """
    most = model.about.get("recipe", {}).get("max_count")
    found = []
    for label in (label for label, count in counts.items() if count):
        sample = seeds.features[seeds.labels == label]
        if most is not None and len(sample) >= most:
            found.append(
                f"group {label!r} has {counted(len(sample), 'seed')}, the network was trained with "
                f"up to {most - 1}: beyond that its law is an extrapolation, and from twice as "
                "many on a normal law fitted to the seeds may be closer (compare with evaluate, or "
                "train with a larger --max-count)."
            )
        if len(sample) >= _FEWEST:
            z = np.linalg.solve(scaler.spread, (sample - sample.mean(axis=0)).T).T
            found += _shape(model, label, z, seeds.names)
    return found


def _shape(model: Model, label: str, z: np.ndarray, names) -> list[str]:
    """Doubts about a group's law, from its seeds in the network's directions, centred."""
    n = len(z)
    std = z.std(axis=0)
    if not (std > 0).all():
        return [f"group {label!r} does not vary in some feature, the network's groups do."]
    unit, found = z / std, []
    skew, tails = (unit**3).mean(axis=0), (unit**4).mean(axis=0) - 3.0
    # both transformed to normal: the kurtosis of few normal seeds is skewed far beyond its error
    tests = (test(unit).statistic for test in (skewtest, kurtosistest))
    errors = np.maximum(*map(np.abs, tests))
    worst = int(errors.argmax())
    if errors[worst] > _NORMAL:
        found.append(
            f"group {label!r} is not normal (about feature {names[worst]!r}: skewness "
            f"{skew[worst]:.2g}, excess kurtosis {tails[worst]:.2g}): the network was trained on "
            "normal groups, and its samples will be normal."
        )
    ratio = float(np.exp(np.abs(np.log(std)).max()))
    if model.task.spec["name"] == "unknown_mean":
        if ratio > _SPREAD and np.log(ratio) * np.sqrt(2 * n) > _ERRORS:
            found.append(
                f"group {label!r} has a spread {ratio:.2g} times from the groups' common one: the "
                "network was trained on groups of one spread; one of the family "
                "unknown_mean_and_scale reads it from the seeds."
            )
    if z.shape[1] > 1:
        apart = np.abs(np.corrcoef(unit.T) - np.eye(z.shape[1]))
        first, second = np.unravel_index(apart.argmax(), apart.shape)
        if apart[first, second] * np.sqrt(n) > _ERRORS:
            found.append(
                f"group {label!r} has correlations that the groups together do not have (about "
                f"{names[first]!r} and {names[second]!r}): the network gives every group the same, "
                "and its samples will have the common ones."
            )
    return found
