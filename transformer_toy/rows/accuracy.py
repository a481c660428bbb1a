"""From fidelity to accuracy: whole rows as the generator of theorem R, predicted and simulated.

The network is told nothing of the groups but their seeds. What it adds to bias and variance is
measured on independent sets of seeds (``theory.prediction.measured``), which predicts the excess
risk; simulation fits logistic regression with the network in the loop.
"""

from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key
from rich.console import Console
from rich.progress import track

from synthetic_oversampling.simulate.sampling.measure import measure_generator
from synthetic_oversampling.theory.generators.table import GaussianPlugin, Oracle, Smote
from synthetic_oversampling.theory.population.design import Design
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.prediction.excess_risk import predict
from synthetic_oversampling.theory.prediction.measured import predict_measured
from synthetic_oversampling.transformer_toy.evaluation.fidelity import drawn_by, simulate
from synthetic_oversampling.transformer_toy.rows import writer
from synthetic_oversampling.transformer_toy.rows.training import RowNetwork

__all__ = ["RULES", "SETTINGS", "Accuracy", "compare", "network_rows"]

# whose rows are trained on
RULES = ("raw", "class weighting", "smote", "plug-in", "network", "oracle")
_SLANTED = [[1.0, 0.7, 0.0], [0.7, 1.0, -0.4], [0.0, -0.4, 1.0]]
_ROUND = [[0.8, 0.0, 0.2], [0.0, 1.2, 0.0], [0.2, 0.0, 0.6]]

# groups and sizes: imbalance with a common and with own covariances, and a spurious attribute
SETTINGS: dict[str, tuple[tuple[GaussianGroup, ...], tuple[int, ...]]] = {
    "common covariance": (
        (
            GaussianGroup([-0.5, 0.3, 0.0], _SLANTED, 0),
            GaussianGroup([0.9, -0.2, 0.3], _SLANTED, 1),
        ),
        (800, 80),
    ),
    "own covariances": (
        (GaussianGroup([-0.5, 0.3, 0.0], _SLANTED, 0), GaussianGroup([0.9, -0.2, 0.3], _ROUND, 1)),
        (800, 80),
    ),
    "spurious attribute": (
        (
            GaussianGroup([-0.6, 0.0, -0.8], _SLANTED, 0),
            GaussianGroup([-0.6, 0.0, 0.8], _ROUND, 0),
            GaussianGroup([0.6, 0.2, -0.8], _ROUND, 1),
            GaussianGroup([0.6, 0.2, 0.8], _SLANTED, 1),
        ),
        (400, 80, 80, 400),
    ),
}


class Accuracy(NamedTuple):
    """One rule in one setting: balanced excess risk in nats, predicted and simulated.

    ``predicted_error`` is the standard error of a prediction from measured draws, 0 for a closed
    form; ``worst`` is the largest error rate of a group.

    Attributes:
        setting, rule: names; predicted, predicted_error: nats.
        seen, seen_error: simulated, nats; worst, worst_error: error rate.
        fits: how many.
    """

    setting: str
    rule: str
    predicted: float
    predicted_error: float
    seen: float
    seen_error: float
    worst: float
    worst_error: float
    fits: int


def network_rows(net: RowNetwork) -> Callable:
    """The network as a function ``(seeds, g, m, key=)`` that JAX can trace.

    Args:
        net: the network; features are written in the order in which they stand.

    Example:
        >>> import jax, jax.numpy as jnp
        >>> from synthetic_oversampling.transformer_toy.rows.architecture import Architecture, init
        >>> arch = Architecture()
        >>> net = RowNetwork(arch=arch, params=init(arch, key=jax.random.key(0)), about={})
        >>> draw, key = network_rows(net), jax.random.key(0)
        >>> jax.eval_shape(lambda x, k: draw(x, 0, 5, key=k), jnp.ones((9, 3)), key).shape
        (5, 3)
    """

    def draw(seeds: Array, g: int, m: int, *, key: Key[Array, ""]) -> Array:
        count, dim = seeds.shape
        sizes = jnp.array([count], jnp.int32), jnp.array([dim], jnp.int32)
        x_BxNxD, numbers = seeds.astype(jnp.float32)[None], jnp.zeros((1, dim), jnp.int32)
        rows = writer.write(net.params, net.arch, x_BxNxD, *sizes, numbers, m, key)
        return rows.astype(seeds.dtype)

    return draw


def _generators(groups: tuple[GaussianGroup, ...], net: RowNetwork) -> dict[str, Callable | None]:
    return {
        "raw": None,
        "class weighting": None,
        "smote": drawn_by(Smote(5), groups),
        "plug-in": drawn_by(GaussianPlugin(), groups),
        "network": network_rows(net),
        "oracle": drawn_by(Oracle(), groups),
    }


def compare(
    net: RowNetwork,
    *,
    settings: tuple[str, ...] = tuple(SETTINGS),
    rules: tuple[str, ...] = RULES,
    fits: int = 1000,
    sets: int = 2048,
    key: Key[Array, ""],
    show_progress: bool = False,
) -> list[Accuracy]:
    """Every rule in every setting, predicted and simulated.

    Args:
        net: the network.
        settings: some of ``SETTINGS``.
        rules: some of ``RULES``.
        fits: simulated data sets a rule, which all meet the same real samples.
        sets: sets of seeds for the predictions from measured draws (SMOTE and the network).
        key: a typed key; prediction and simulation use independent parts of it.
        show_progress: draw a progress bar on standard error.

    Raises:
        FloatingPointError: if a fit does not converge.

    Example:
        >>> RULES[-2:]
        ('network', 'oracle')
    """
    predict_key, fit_key = jax.random.split(key)
    closed = {"plug-in": GaussianPlugin(), "oracle": Oracle()}
    cells = [(setting, rule) for setting in settings for rule in rules]
    found = []
    for setting, rule in track(
        cells, "fitting", console=Console(stderr=True), disable=not show_progress
    ):
        groups, sizes = SETTINGS[setting]
        draw = _generators(groups, net)[rule]
        design = {"raw": Design.raw, "class weighting": Design.class_weighted}.get(rule, Design)
        if draw is None or rule in closed:
            known = predict(list(groups), design(sizes), closed.get(rule, Oracle()))
            total, error = float(known.total), 0.0
        else:
            samples = measure_generator(
                draw, list(groups), design(sizes), sets=sets, per_set=8, key=predict_key
            )
            got = predict_measured(list(groups), design(sizes), samples)
            total, error = float(got.total), float(got.total_error)
        excess, errors = simulate(
            groups, sizes, draw, levelled=rule != "raw", fits=fits, key=fit_key, block=50
        )
        worst = errors.max(axis=1)
        found.append(
            Accuracy(
                setting=setting,
                rule=rule,
                predicted=total,
                predicted_error=error,
                seen=float(excess.mean()),
                seen_error=float(excess.std(ddof=1) / np.sqrt(fits)),
                worst=float(worst.mean()),
                worst_error=float(worst.std(ddof=1) / np.sqrt(fits)),
                fits=fits,
            )
        )
    return found
