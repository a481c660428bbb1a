"""The gap: how far a network is from the exact predictive, beside what one could use instead.

For every number of seeds n, on the same contexts: KL(exact predictive || rule), its mean over
contexts and standard error, and the energy distance between samples of the two, which is finite
also for SMOTE. A network that ignores its context has the gap of the prior.
"""

import math
from functools import partial
from typing import NamedTuple
from zlib import crc32

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key

from synthetic_oversampling.theory.in_context import capacity
from synthetic_oversampling.transformer_toy import heads, tasks, train
from synthetic_oversampling.transformer_toy.checkpoint import Model
from synthetic_oversampling.transformer_toy.evaluation import comparators, divergence

__all__ = ["CHUNK", "COUNTS", "DRAWS", "Estimate", "Gap", "gap_table", "payload", "predicted_gaps"]

COUNTS = (0, 1, 2, 4, 8, 16, 32, 64, 128, 256)  # numbers of seeds
CHUNK = 128  # contexts computed together
DRAWS = 64  # from each law, for the energy distance; twice as many for a divergence


class Estimate(NamedTuple):
    """A mean over contexts, its standard error, and how many contexts.

    Attributes:
        mean, standard_error: in the unit of what is averaged; contexts: how many.
    """

    mean: float
    standard_error: float
    contexts: int


class Gap(NamedTuple):
    """One rule at one number of seeds; ``energy`` is None where it is not measured.

    Attributes:
        rule: its name; count: of seeds.
        kl: divergence from the exact predictive, nats; energy: energy distance.
    """

    rule: str
    count: int  # type: ignore[assignment]  # hides tuple.count
    kl: Estimate
    energy: Estimate | None


def _estimate(values: np.ndarray) -> Estimate:
    values = np.asarray(values, np.float64)
    if not np.isfinite(values).all():
        return Estimate(math.inf, math.nan, len(values))
    error = values.std(ddof=1) / len(values) ** 0.5
    return Estimate(float(values.mean()), float(error), len(values))


def _measure(
    task: tasks.Task,
    rule: str,
    counts: tuple[int, ...],
    params: dict,
    token_BxNxD: Array,
    key: Key[Array, ""],
) -> tuple[Array, Array | None]:
    """KL and energy distance (None for symbols and labels) of one rule on a chunk of contexts."""
    kl_key, x_key, y_key = jax.random.split(key, 3)
    wide = token_BxNxD.astype(jnp.zeros(()).dtype)
    count_BxP = comparators.counts_row(list(counts), len(token_BxNxD))
    assert task.exact is not None  # `gap_table` refuses a task without it
    exact = task.exact(wide, count_BxP)
    if rule == "smote":
        x_BxPxSxD = heads.sample(exact, DRAWS, key=x_key)
        energy = []
        for index, count in enumerate(counts):
            sample_key = jax.random.fold_in(y_key, index)
            y_BxSxD = comparators.smote_samples(wide, count, DRAWS, key=sample_key)
            energy.append(comparators.energy_distance(x_BxPxSxD[:, index], y_BxSxD))
        return jnp.full(count_BxP.shape, jnp.inf), jnp.stack(energy, axis=1)
    if rule == "network":
        law = train.law_of(params, task, token_BxNxD, count_BxP)
    else:
        law = comparators.RULES[rule](task, wide, count_BxP)
    kl_BxP = divergence.kl(exact, law, key=kl_key, draws=2 * DRAWS)
    if isinstance(law, heads.Labelled | heads.Categorical):
        return kl_BxP, None
    x_BxPxSxD = heads.sample(exact, DRAWS, key=x_key)
    y_BxPxSxD = heads.sample(law, DRAWS, key=y_key).astype(x_BxPxSxD.dtype)
    return kl_BxP, jax.vmap(comparators.energy_distance, in_axes=1, out_axes=1)(
        x_BxPxSxD, y_BxPxSxD
    )


def gap_table(
    model: Model,
    *,
    key: Key[Array, ""],
    counts: tuple[int, ...] = COUNTS,
    contexts: int = 2048,
    rules: tuple[str, ...] | None = None,
) -> list[Gap]:
    """The gap of a network and of every rule that makes sense, at each number of seeds.

    Args:
        model: the network.
        key: a typed key; contexts depend on it alone.
        counts: numbers of seeds.
        contexts: groups drawn from the family, in chunks of ``CHUNK``.
        rules: which rules beside the network, of those that make sense; all of these if None.

    Returns:
        One entry a rule and count.

    Raises:
        ValueError: for fewer than two contexts, a negative count, a rule that does not exist, or a
            family without a closed-form predictive.

    Example:
        >>> import jax
        >>> from synthetic_oversampling.transformer_toy import constructed
        >>> key = jax.random.key(0)
        >>> gap = gap_table(constructed.location(2), key=key, counts=(3,), contexts=2, rules=())
        >>> gap[0].rule, gap[0].kl.mean < 1e-9
        ('network', True)
    """
    task = model.task
    if task.exact is None:
        raise ValueError(
            f"task {task.spec['name']!r} has no closed-form predictive to compare with."
        )
    if contexts < 2 or not counts or min(counts) < 0:
        raise ValueError(
            f"contexts, counts: got {contexts} and {counts}, expected at least 2 contexts and "
            "counts from 0."
        )
    least = comparators.rules_for(task)
    if unknown := set(rules or ()) - set(comparators.LEAST):
        raise ValueError(
            f"rules: got {', '.join(sorted(unknown))}, expected some of "
            f"{', '.join(comparators.LEAST)}."
        )
    if rules is not None:
        least = {name: number for name, number in least.items() if name in rules}
    counts = tuple(sorted(counts))
    least = {"network": 0} | least
    usable = {
        rule: tuple(count for count in counts if count >= number) for rule, number in least.items()
    }
    usable = {rule: enough for rule, enough in usable.items() if enough}
    length, dtype = max(counts[-1], 1), model.params["query"].dtype
    groups = task.draw
    assert groups is not None  # nor is there a closed form where there is none
    draw = jax.jit(
        lambda key, size: groups(size, length, dtype, key=key)[1], static_argnames="size"
    )
    measure = {
        rule: jax.jit(partial(_measure, task, rule, enough)) for rule, enough in usable.items()
    }
    values: dict[str, list] = {rule: [] for rule in usable}
    for start in range(0, contexts, CHUNK):
        draw_key, rule_key = jax.random.split(jax.random.fold_in(key, start))
        token_BxNxD = draw(draw_key, min(CHUNK, contexts - start))
        for rule, function in measure.items():
            name_key = jax.random.fold_in(rule_key, crc32(rule.encode()))
            values[rule].append(function(model.params, token_BxNxD, name_key))
    table = []
    for rule, enough in usable.items():
        kl = np.concatenate([np.asarray(one) for one, _ in values[rule]])
        energy = None
        if values[rule][0][1] is not None:
            energy = np.concatenate([np.asarray(one) for _, one in values[rule]])
        for index, count in enumerate(enough):
            far = None if energy is None else _estimate(energy[:, index])
            table.append(Gap(rule, count, _estimate(kl[:, index]), far))
    return table


def predicted_gaps(task: tasks.Task, counts: tuple[int, ...] = COUNTS) -> dict[str, list[float]]:
    """The closed-form gaps of prior, plug-in and flat-prior rules for an unknown mean.

    Statement (exact): a rule's expected KL(P_mu || rule) minus the exact predictive's.

    Args:
        task: an ``unknown_mean`` task; for others there is nothing to predict.
        counts: numbers of seeds.

    Returns:
        Nats for every count, NaN where the rule does not exist.

    Example:
        >>> gaps = predicted_gaps(tasks.unknown_mean(2), (1,))
        >>> {name: round(value, 4) for name, (value,) in gaps.items()}
        {'prior': 0.2877, 'plug-in': 0.5945, 'flat prior': 0.2877}
    """
    if task.spec["name"] != "unknown_mean":
        return {}
    var = (task.spec["var_within"], task.spec["var_prior"])
    bayes = [float(capacity.location_expected_kl(n, task.dim, *var)) for n in counts]
    none = float(capacity.location_expected_kl(0, task.dim, *var))
    rules = {"plug-in": capacity.plugin_expected_kl, "flat prior": capacity.flat_prior_expected_kl}
    gaps = {"prior": [none - one for one in bayes]}
    for name, formula in rules.items():
        gaps[name] = [
            float(formula(n, task.dim)) - one if n else math.nan
            for n, one in zip(counts, bayes, strict=True)
        ]
    return gaps


def payload(model: Model, table: list[Gap]) -> dict:
    """A gap table as plain numbers, for an artifact.

    Args:
        model: the network.
        table: from ``gap_table``.

    Returns:
        Task, description of the network, rows, and the closed-form gaps where there are any.

    Example:
        >>> from synthetic_oversampling.transformer_toy import constructed
        >>> sorted(payload(constructed.location(1), []))
        ['about', 'counts', 'predicted', 'rows', 'task']
    """
    counts = tuple(sorted({gap.count for gap in table}))
    rows = [
        {
            "rule": gap.rule,
            "count": gap.count,
            "kl": gap.kl.mean,
            "kl_standard_error": gap.kl.standard_error,
            "energy": gap.energy.mean if gap.energy else None,
            "energy_standard_error": gap.energy.standard_error if gap.energy else None,
            "contexts": gap.kl.contexts,
        }
        for gap in table
    ]
    return {
        "task": model.task.spec,
        "about": {key: value for key, value in model.about.items() if key != "task"},
        "counts": list(counts),
        "rows": rows,
        "predicted": predicted_gaps(model.task, counts),
    }
