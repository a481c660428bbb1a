"""Theorem H: the risk of a ridge-penalised fit when features are as many as rows.

Sizes and the number of features ``d`` grow together. The fit minimises

    sum_i weight_i loss(y_i (b + w . x_i)) + (ridge / 2) |w|^2,    weights summing to n_tot,

so that a raw design is scikit-learn's ``LogisticRegression(C=1 / ridge)`` and class weighting its
``class_weight="balanced"``. The score of a new row of cluster k is ``N(b + m_k, q_k)``, that of a
training row the proximal operator of its potential at such a variable
(`theory.proportional.rows`); means, variances and responses solve the equations of
`theory.proportional.equations`.

Sources: for unweighted clusters and a fixed law of rows the equations are those of Loureiro,
Sicuro, Gerbelot, Pacco, Krzakala and Zdeborova (2021, arXiv 2106.03791), who prove them. Weights
and the potentials of fitted generators are this package's own: derived by leaving one row out, and
simulated.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from functools import lru_cache, partial

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from synthetic_oversampling.theory.arrays import AnyArray, Number, number_of, traced, traced_number
from synthetic_oversampling.theory.generators.table import Generator, Oracle
from synthetic_oversampling.theory.inputs import check_groups, per_group
from synthetic_oversampling.theory.population.design import Design, is_real
from synthetic_oversampling.theory.population.laws import GaussianGroup
from synthetic_oversampling.theory.population.margins import LOGISTIC, Loss, require_loss
from synthetic_oversampling.theory.population.metrics import Metrics, Side, metrics_of_scores
from synthetic_oversampling.theory.population.threads import OneThread
from synthetic_oversampling.theory.proportional.clusters import Cluster, Spectra, is_covariance
from synthetic_oversampling.theory.proportional.equations import Equations
from synthetic_oversampling.theory.proportional.generators import parts_of
from synthetic_oversampling.theory.proportional.parts import Parts, Rows, State
from synthetic_oversampling.theory.proportional.rows import training
from synthetic_oversampling.theory.proportional.scoring import (
    auroc,
    calibration_slope,
    scored,
    side,
)
from synthetic_oversampling.theory.proportional.solver import NoFixedPoint
from synthetic_oversampling.theory.proportional.threshold import separability_threshold
from synthetic_oversampling.theory.wording import counted

__all__ = ["NoFiniteFit", "Proportional", "predict_clusters", "predict_proportional"]


_number = partial(number_of, name="theory.predict_proportional")


class NoFiniteFit(ValueError):
    """There is no finite fit to predict: the rows are linearly separable and ``ridge`` is 0."""


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Proportional:
    """What theorem H says of a design; ``G`` groups, risks in nats.

    Attributes:
        error: error rate of each group ``[G]``; risk: expected loss ``[G]``.
        excess: risk above that of the balanced optimum ``[G]``.
        score_mean, score_var: of a new row's score ``b + w . x`` ``[G]``.
        train_error, train_loss: of each group's real rows in training ``[G]``.
        intercept: of the fit; norm: of its weights; alignment: cosine of weights and optimum.
        auroc: of groups of label 1 against groups of label 0, equally weighted within a label.
        slope: of the logistic regression of the label on the score in balanced groups; 1 is
            calibrated, below 1 overconfident.
        response: ``V`` of each group's real rows, what a score gives way by to a unit force.
        ridge: of the penalty; iterations, residual: of the solver.
        limited: whether finitely many synthetic rows were taken for infinitely many (SMOTE).
        scores: law of a new row's score in label 1 and in label 0.
        best_scores: the same of the balanced optimum.
    """

    error: AnyArray
    risk: AnyArray
    excess: AnyArray
    score_mean: AnyArray
    score_var: AnyArray
    train_error: AnyArray
    train_loss: AnyArray
    intercept: Number
    norm: Number
    alignment: Number
    auroc: Number
    slope: Number
    response: AnyArray
    ridge: Number
    iterations: Number
    residual: Number
    limited: bool = False
    scores: tuple[Side, Side]
    best_scores: tuple[Side, Side]

    def metrics(self, *, prevalence: float = 0.5) -> Metrics:
        """AUROC, average precision, error and F1 at the best threshold (M1 on H1's scores).

        Groups have equal shares within a label. Asymptotic: relative remainder O(1/d).

        Args:
            prevalence: share of label 1, for precision and F1.

        Raises:
            ValueError: for a prevalence that is none; inside a program of JAX, and of a prediction
                that one has not solved.
        """
        inside = traced(self.residual)
        if inside or np.ndim(self.residual) or not np.all(np.isfinite(self.error)):
            raise ValueError(
                f"metrics: got a prediction with errors of {self.error}, expected one setting that "
                "is solved, outside of programs of JAX: return it from the program, and take "
                "mapped ones apart by jax.tree.map."
            )
        return metrics_of_scores(*self.scores, prevalence=prevalence)

    def best_metrics(self, *, prevalence: float = 0.5) -> Metrics:
        """The same metrics at the balanced optimum, which no row was needed to find: exact.

        Args:
            prevalence: share of label 1, for precision and F1.
        """
        with jax.ensure_compile_time_eval():  # known in a program of JAX, too
            return metrics_of_scores(*self.best_scores, prevalence=prevalence)

    @property
    def total(self) -> Number:
        """Balanced excess risk, the mean over groups."""
        return _number(self.excess.mean(axis=-1))

    @property
    def balanced_error(self) -> Number:
        """Mean error rate over groups."""
        return _number(self.error.mean(axis=-1))

    @property
    def worst_group_error(self) -> Number:
        """Largest error rate over groups."""
        return _number(self.error.max(axis=-1))


jax.tree_util.register_dataclass(
    Proportional,
    data_fields=[f.name for f in dataclasses.fields(Proportional) if f.name != "limited"],
    meta_fields=["limited"],
)


def predict_proportional(
    *,
    groups: Sequence[GaussianGroup],
    design: Design,
    generator: Generator | Sequence[Generator] | None = None,
    ridge: Number,
    loss: Loss = LOGISTIC,
    intercept: Number | None = None,
    many: bool = False,
) -> Proportional:
    """Error and risk of a design whose features are as many as its rows (H1, H2).

    Asymptotic: sizes and features grow in proportion; relative remainder O(1/d).

    Args:
        groups: ``G`` groups of dimension ``d``, both labels present.
        design: sizes, augmentation and weight, or a reference design.
        generator: one for all groups, or one per group; ignored by reference designs.
        ridge: of the penalty ``(ridge / 2) |w|^2`` beside losses of total weight ``n_tot``. It and
            the intercept may be traced in a program of JAX, which cannot raise: where no solution
            is found, or scores spread too far for its nodes, results are NaN, beside the residual.
        loss: `LOGISTIC` or `SQUARED`.
        intercept: a fixed value; fitted when omitted.
        many: take infinitely many synthetic rows of the same total weight. SMOTE has no other law.

    Raises:
        ValueError: naming the argument; for a generator that has no law here, the reason.
        NoFiniteFit: with ``ridge=0`` below H3's threshold.
        theory.proportional.solver.NoFixedPoint: where the equations could not be solved.
        RuntimeError: if float64 is off.

    Example:
        >>> import numpy as np
        >>> means = np.zeros((2, 100))
        >>> means[:, 0] = -0.75, 0.75
        >>> groups = [GaussianGroup(mean, np.eye(100), y) for y, mean in enumerate(means)]
        >>> found = predict_proportional(groups=groups, design=Design.raw((600, 100)), ridge=5.0)
        >>> found.error.round(4).tolist(), round(found.auroc, 4)
        ([0.0589, 0.676], 0.7833)
    """
    check_groups(groups, design)
    require_loss(loss)
    ridge, intercept = _checked_numbers(ridge, intercept)
    generators = per_group(Oracle() if generator is None else generator, len(groups))
    parts = parts_of(groups, design, generators, many=many)
    return _predicted(parts, groups, ridge, loss, intercept)


def predict_clusters(
    *,
    clusters: Sequence[Cluster],
    groups: Sequence[GaussianGroup],
    ridge: Number,
    loss: Loss = LOGISTIC,
    intercept: Number | None = None,
) -> Proportional:
    """The same for a fit on any clusters of rows with any weights (H1), scored on groups.

    Args:
        clusters: rows with their laws, labels and weights, which are taken as they are; their
            numbers, means, covariances and weights may be traced, as the ridge may.
        groups: that are scored; ``train_error`` and ``train_loss`` are of the clusters.
        ridge, loss, intercept: as for `predict_proportional`.

    Raises:
        ValueError, NoFiniteFit, NoFixedPoint: as `predict_proportional` does.
    """
    for name, given, kind in (("clusters", clusters, Cluster), ("groups", groups, GaussianGroup)):
        wrong = [item for item in given if not isinstance(item, kind)]
        if wrong or not len(given):
            raise ValueError(f"{name}: got {wrong or given!r}, expected a list of {kind.__name__}.")
    dims = {group.mean.shape[-1] for group in clusters} | {group.mean.shape[-1] for group in groups}
    if len(dims) > 1:
        raise ValueError(f"clusters: got dimensions {sorted(dims)}, expected one dimension.")
    if {cluster.label for cluster in clusters} != {0, 1}:
        raise ValueError("clusters: got rows of one label, expected both 0 and 1.")
    require_loss(loss)
    ridge, intercept = _checked_numbers(ridge, intercept)
    rows = [Rows(cluster.rows, cluster.sign, cluster.laws) for cluster in clusters]
    means: list = [cluster.mean for cluster in clusters]
    covs: list = [cluster.cov for cluster in clusters]
    real: list[tuple[int, ...]] = [(k,) for k in range(len(rows))]
    parts = Parts(rows=rows, seeds=[], drawn=[], means=means, covs=covs, real=real, limited=False)
    return _predicted(parts, groups, ridge, loss, intercept)


def _checked_numbers(*given) -> tuple:
    ridge, intercept = map(_number, given)
    if not traced_number(ridge) and not (is_real(ridge) and 0 <= ridge < math.inf):
        raise ValueError(
            f"ridge: got {given[0]!r}, expected a finite number of at least 0, beside losses that "
            "sum to the number of real rows; scikit-learn's C is 1 / ridge."
        )
    free = intercept is None or traced_number(intercept)
    if not free and not (is_real(intercept) and math.isfinite(intercept)):
        raise ValueError(f"intercept: got {given[1]!r}, expected a finite number, or None.")
    return tuple(v if v is None or traced(v) else float(v) for v in (ridge, intercept))


def _solved(equations: Equations, parts: Parts) -> State:
    exists = equations.ridge == 0 and _require_fit(equations, parts)
    try:
        return equations.solve()
    except NoFixedPoint as error:
        if equations.ridge == 0 and not exists:
            raise NoFiniteFit(
                f"ridge: got 0, and {error}; the rows are probably separable: expected a positive "
                "ridge, or more rows per feature."
            ) from None
        raise NoFixedPoint(
            f"ridge: got {equations.ridge:g}, and {error}; expected a larger ridge."
        ) from None


def _require_fit(equations: Equations, parts: Parts) -> bool:
    """Whether H3 says that there is a finite fit; raise where it says that there is none.

    Of rows that depend on seeds, and of a fixed intercept, it says nothing, and neither does this.
    """
    dim, rows = equations.spectra.dim, [row for row in equations.rows if row.laws[0][1] > 0]
    if equations.loss is not LOGISTIC:
        if not parts.drawn and all(math.isfinite(row.number) for row in rows):
            total = sum(row.number for row in rows)
            if dim >= total - 1:
                raise NoFiniteFit(
                    f"ridge: got 0 with {counted(dim, 'feature')} and "
                    f"{counted(round(total), 'row')}, expected more rows than features, or a "
                    "positive ridge."
                )
            return True
        return False
    if parts.drawn or equations.intercept is not None:
        return False
    if any(math.isinf(row.number) for row in equations.rows):
        return False
    felt = [sum(chance for chance, weight in row.laws if weight > 0) for row in equations.rows]
    clusters = [
        Cluster(rows=row.number * share, mean=mean, cov=cov, label=int(row.sign > 0))
        for row, share, mean, cov in zip(equations.rows, felt, parts.means, parts.covs, strict=True)
        if share > 0  # rows of weight 0 hold nothing apart
    ]
    try:
        least = separability_threshold(clusters=clusters).features
    except NoFixedPoint:  # covariances of several shapes
        return False
    if dim >= least:
        raise NoFiniteFit(
            f"ridge: got 0 with {counted(dim, 'feature')}, expected fewer than {least:.1f}: from "
            "there on the rows are linearly separable with probability tending to 1 and no finite "
            "fit exists (theorem H3); give a positive ridge, or more rows."
        )
    return True


@lru_cache(maxsize=2)  # of groups, and not of a design: a search asks for it every time
def _population(
    groups: tuple[GaussianGroup, ...], loss: Loss
) -> tuple[np.ndarray, np.ndarray, tuple[np.ndarray, np.ndarray]]:
    """Of the balanced optimum: every group's risk, the weights, and its scores' laws."""
    places = [(g, k) for g, group in enumerate(groups) for k in range(len(group.weights))]
    means = [groups[g].mean[k] for g, k in places]
    covs = [groups[g].cov[k] for g, k in places]
    rows = [Rows(float(groups[g].weights[k]), groups[g].sign, ((1.0, 1.0),)) for g, k in places]
    spectra = Spectra(means, covs)
    equations = Equations(
        spectra=spectra,
        rows=rows,
        seeds=[],
        drawn=[],
        loss=loss,
        ridge=0.0,
        intercept=None,
        noise=False,
    )
    try:
        state = equations.solve()
    except NoFixedPoint as error:
        raise NoFixedPoint(f"groups: the balanced optimum was not found: {error}.") from None
    scores = state.intercept + state.norms.mean, state.norms.signal
    risks, *_ = scored(groups, loss, *scores)
    return risks, spectra.original(state.norms.rule), scores


@OneThread()
def _predicted(parts: Parts, groups, ridge: Number, loss: Loss, intercept) -> Proportional:
    tested = [
        (mean, cov) for group in groups for mean, cov in zip(group.mean, group.cov, strict=True)
    ]
    means = [*parts.means, *(mean for mean, _ in tested)]
    covs = [*parts.covs, *(cov for _, cov in tested)]
    spectra = Spectra(means, covs)
    equations = Equations(
        spectra=spectra,
        rows=parts.rows,
        seeds=parts.seeds if parts.drawn else [],  # of plain designs nothing depends on them
        drawn=parts.drawn,
        loss=loss,
        ridge=ridge,
        intercept=intercept,
    )
    laws = [number for row in parts.rows for law in row.laws for number in (row.number, *law)]
    in_program = any(map(traced, (ridge, intercept, *laws, *means, *covs)))
    if in_program:
        state, solved = equations.solve_traced()
    else:
        state = _solved(equations, parts)
    xp = jnp if in_program else np
    norms, count = state.norms, len(parts.rows)
    mean = state.intercept + norms.mean[count:]
    var = norms.signal[count:] + norms.noise[count:]
    risk, error, centre, spread = scored(groups, loss, mean, var)
    reference, best, best_scores = _population(tuple(groups), loss)
    rule = spectra.original(norms.rule)
    size = xp.sqrt(norms.square)
    real = range(sum(map(len, parts.real)))  # their clusters are the first
    of_rows = [(*training(loss, state.rows[k]), norms.response[k]) for k in real]
    train_loss, train_error, response = _by_group(parts, xp.array(of_rows), xp)
    found = Proportional(
        error=error,
        risk=risk,
        excess=risk - reference,
        score_mean=centre,
        score_var=spread,
        train_error=train_error,
        train_loss=train_loss,
        intercept=_number(state.intercept),
        norm=_number(size),
        alignment=_number(rule @ best / xp.maximum(size * np.linalg.norm(best), 1e-300)),
        auroc=_number(auroc(groups, mean, var)),
        slope=_number(calibration_slope(groups, mean, var)),
        response=response,
        ridge=ridge,
        iterations=state.iterations,
        residual=state.residual,
        limited=parts.limited,
        scores=(side(groups, mean, var, 1), side(groups, mean, var, -1)),
        best_scores=(side(groups, *best_scores, 1), side(groups, *best_scores, -1)),
    )
    if not in_program:
        return found
    told = ("ridge", "iterations", "residual", "limited", "best_scores")
    fields = {name: value for name, value in vars(found).items() if name not in told}
    # a factor, and not a choice, so that derivatives are NaN as well
    valid = jnp.where(solved & _sound(parts, ridge, loss), 1.0, jnp.nan)
    return dataclasses.replace(found, **jax.tree.map(lambda value: value * valid, fields))


def _sound(parts: Parts, ridge: Number, loss: Loss) -> Number:
    """Whether numbers that a program was traced with are such as a plain call asks for."""
    sound, total = ridge >= 0, sum(row.number for row in parts.rows)
    if loss is not LOGISTIC and not parts.drawn:
        sound &= (ridge > 0) | (len(parts.means[0]) < total - 1)
    for row in parts.rows:
        sound &= row.number > 0
        for _, weight in row.laws:
            sound &= weight >= 0
    for cov in parts.covs:
        if traced(cov):
            sound &= is_covariance(lax.stop_gradient(cov))
    return sound


def _by_group(parts: Parts, values: AnyArray, xp) -> AnyArray:
    """Means over the real rows of each group of values of its clusters, ``[., G]``."""
    found = []
    for places in parts.real:
        numbers = xp.array([parts.rows[k].number for k in places])
        found.append(numbers @ values[np.array(places)] / numbers.sum())
    return xp.stack(found, axis=1)
