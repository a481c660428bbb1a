"""Wrong versions of theorem H, and the checks that must reject them."""

from __future__ import annotations

import numpy as np
from scipy.special import ndtr

from synthetic_oversampling.simulate.experiments.proportional_settings import FULL_ONLY, SETTINGS
from synthetic_oversampling.simulate.mutants.mutation import (
    Mutant,
    arguments,
    formula,
    replaced,
    result,
)
from synthetic_oversampling.theory.formula import notation as nt
from synthetic_oversampling.theory.generators.table import Mislabelled, Scaled, Shifted
from synthetic_oversampling.theory.proportional.rows import (
    _SEGMENT_MASSES,
    _SEGMENT_NODES,
    loss_pull,
)

__all__ = ["PROPORTIONAL_MUTANTS"]

_EVERY = tuple(name for name in SETTINGS if name not in FULL_ONLY)


def _norms(change):
    return replaced(
        "theory.proportional.clusters.Spectra.norms",
        lambda right: lambda self, *given: change(right(self, *given)),
    )


def _added(change):
    return result(
        "theory.proportional.equations.added", lambda added, part, *_: change(added, part)
    )


def _averages(change):
    return result("theory.proportional.rows.averages", change)


def _one_factor(right, loss, margin, partners):
    """The curvature with 1 - u for its square."""
    others, masses = partners
    bend = np.zeros_like(margin)
    for u, mass in zip(_SEGMENT_NODES, _SEGMENT_MASSES, strict=True):
        curved = loss_pull(loss, (1 - u) * margin[..., None] + u * others)[1]
        bend += 2 * mass * (1 - u) * (curved @ masses)
    return right[0], bend


def _uncentred(right):
    """The seeds' noise about their mean, as if it were not centred."""

    def wrong(loss, potential, centre, var, response, nodes, start=None, *more):
        found = right(loss, potential, centre, var, response, nodes, start, *more)
        if not potential.tilt or potential.spring:
            return found
        force = 0.0
        for _ in range(60):  # at the force that it has itself
            moved = centre + response * force
            found = right(loss, potential, moved, var, response, nodes, start, *more)
            force += (found.force - potential.tilt - force) / 2
        return found._replace(square=found.square + (found.force - potential.tilt) ** 2)

    return wrong


def _own_law(kind):
    """The group's own law for that of a generator of one kind."""

    def wrong(right, generator, g, groups, sizes):
        return groups[g].law if isinstance(generator, kind) else right

    return result("theory.generators.table.population_law", wrong)


def _without_noise(potential):
    return potential._replace(
        noise=0.0 * potential.noise, square=float(potential.rule @ potential.rule)
    )


def _mean_weight(right, *_):
    return ((1.0, sum(chance * weight for chance, weight in right)),)


def _held_out(right, loss, rows):
    centre, std, _ = rows.held_out
    return right[0], float(ndtr(-centre / std))


def _wrong(name: str, theorem: str, change: str, checks: tuple[str, ...], *changes, **more):
    return Mutant(
        name=f"proportional-{name}",
        theorems=(theorem,),
        change=change,
        checks=checks,
        changes=changes,
        **more,
    )


_SEEDS = "proportional-seeds"

# wrong forms of these theorems, and the checks that reject them
PROPORTIONAL_MUTANTS = (
    _wrong(
        "without-noise", "H1", "w'S w alone for the variance of a score",
        ("H1.error_1.proportional-line.raw", "H1.auroc.proportional-spiked.weighted",
         "H4.classical.proportional-limits.raw"),
        _norms(_without_noise), also=_EVERY,
    ),
    _wrong(
        "half-the-mean", "H1", "mu.w / 2 for mu.w, the mean of a score",
        ("H1.error_1.proportional-line.raw",),
        _norms(lambda norms: norms._replace(mean=norms.mean / 2)), also=_EVERY,
    ),
    _wrong(
        "variance-of-forces", "H1", "Var g for E g^2",
        ("H1.square.proportional-line.weighted",),
        _averages(lambda right, *_: right._replace(square=right.square - right.force**2)),
        also=_EVERY,
    ),
    _wrong(
        "double-response", "H1", "2 tr(A^{-1} S) for tr(A^{-1} S)",
        ("H1.square.proportional-line.raw",
         "H4.response.proportional-limits.squared"),
        _norms(lambda norms: norms._replace(response=2 * norms.response)), also=_EVERY,
    ),
    _wrong(
        "training-error-of-held-out", "H1", "training errors at the held-out score",
        ("H1.train_error_1.proportional-line.raw", "H4.training.proportional-limits.margin"),
        result("theory.proportional.rows.training", _held_out), also=_EVERY,
    ),
    _wrong(
        "stiffness-of-twice-the-response", "H1", "2 V for V",
        ("H1.stiffness.proportional-limits.row",),
        formula("H1.stiffness", lambda rhs: rhs.subs(nt.response, 2 * nt.response)),
    ),
    _wrong(
        "squared-margin-of-twice-the-weight", "H1", "the weight doubled",
        ("H1.squared_margin.proportional-limits.row",),
        formula("H1.squared_margin", lambda rhs: rhs.subs(nt.row_weight, 2 * nt.row_weight)),
    ),
    _wrong(
        "shift-ignored", "H1", "the group's law for the shifted one",
        ("H1.error_1.proportional-line.shifted",), _own_law(Shifted), generator="Shifted",
    ),
    _wrong(
        "scale-ignored", "H1", "the group's law for the scaled one",
        ("H1.square.proportional-line.scaled",), _own_law(Scaled), generator="Scaled",
    ),
    _wrong(
        "flips-ignored", "H1", "the group's labels for those of which some are flipped",
        ("H1.error_1.proportional-line.mislabelled",), _own_law(Mislabelled),
        generator="Mislabelled",
    ),
    _wrong(
        "ridge-quartered", "H1", "a quarter of the penalty",
        ("H1.square.proportional-oracle.oracle",),
        arguments("theory.proportional.clusters.Spectra.norms",
                  lambda self, ridge, *rest: (self, ridge / 4, *rest)),
        generator="Oracle", also=_EVERY,
    ),
    _wrong(
        "pairs-counted-once", "H2", "interpolation without the factor 2",
        ("H2.error_1.proportional-pairs.smote-pairs",),
        result("theory.proportional.rows.smeared", lambda pair, *_: (pair[0] / 2, pair[1] / 2)),
        generator="Smote",
    ),
    _wrong(
        "pairs-curved-once", "H2", "1 - u for (1 - u)^2 in the curvature",
        ("H2.square.proportional-pairs.smote-pairs",),
        result("theory.proportional.rows.smeared", _one_factor), generator="Smote",
    ),
    _wrong(
        "known-without-tilt", "H2", "no coupling of the seeds to the rows about their mean",
        (f"H2.error_1.{_SEEDS}.plugin-known",),
        _added(lambda added, part: added._replace(tilt=0.0) if part.kind == "known" else added),
        generator="GaussianPlugin", also=_EVERY,
    ),
    _wrong(
        "known-without-centring", "H2", "E g^2 for Var g, and h not lowered by V e, of the seeds",
        (f"H2.error_0.{_SEEDS}.plugin-known",),
        replaced("theory.proportional.rows.averages", _uncentred), generator="GaussianPlugin",
    ),
    _wrong(
        "sample-without-spring", "H2", "the sample covariance as if it were given",
        (f"H2.square.{_SEEDS}.plugin", f"H2.square.{_SEEDS}.plugin-pooled",
         "H2.squared.proportional-limits.plugin", "H2.plugin_squared.proportional-limits.plugin"),
        _added(lambda added, part: added._replace(spring=0.0, field=0.0)
               if part.kind == "sample" else added),
        generator="GaussianPlugin", also=_EVERY,
    ),
    _wrong(
        "mean-weight-of-duplicates", "H2", "the mean of the Poisson weights for their law",
        (f"H2.train_error_1.{_SEEDS}.duplicate",),
        result("theory.proportional.generators.duplicate_weights", _mean_weight),
        generator="Duplicate",
    ),
    _wrong(
        "duplicates-left-out", "H2", "the seed's own weight for that with its duplicates",
        (f"H2.error_1.{_SEEDS}.duplicate",),
        replaced("theory.proportional.generators.duplicate_weights",
                 lambda right: lambda weight, draws: ((1.0, weight),)),
        generator="Duplicate", also=_EVERY,
    ),
    _wrong(
        "predictive-of-plugin", "H2", "the sample covariance for the predictive law's",
        ("H2.square.proportional-unequal.predictive",),
        result("theory.generators.gaussian.Predictive.widening", lambda value, *_: 1.0),
        generator="Predictive", also=_EVERY,
    ),
    _wrong(
        "pairs-slope", "H2", "half of the mean for a third of it",
        ("H2.pairs_squared.proportional-limits.smote-pairs",),
        formula("H2.pairs_squared", lambda rhs: rhs + nt.smear * nt.margin_mean / 6),
    ),
    _wrong(
        "plugin-slope", "H2", "a slope that vanishes at 2",
        ("H2.plugin_squared.proportional-limits.plugin",),
        formula("H2.plugin_squared", lambda rhs: rhs - nt.smear),
    ),
    _wrong(
        "threshold-halved", "H3", "half of the squared shortfall",
        ("H3.features.separability.none", "H3.features.separability.gap",
         "H3.features.separability.oversampled", "H3.edge.proportional-limits.edge"),
        formula("H3.slack", lambda rhs: rhs / 2),
    ),
    _wrong(
        "threshold-without-signal", "H3", "half of the rows, whatever the means",
        ("H3.features.separability.gap",),
        result("theory.proportional.threshold._whitened", lambda means, *_: 0.0 * means),
    ),
    _wrong(
        "area-with-half-the-noise", "H4", "half of the noise of the means",
        ("H4.area.proportional-limits.mean-difference",),
        formula("H4.mean_difference", lambda rhs: rhs.subs(nt.dim, nt.dim / 2)),
    ),
    _wrong(
        "squared-response-without-ridge", "H4", "the penalty doubled",
        ("H4.response.proportional-limits.squared",),
        formula("H4.squared_response",
                lambda rhs: rhs.subs(nt.ridge, 2 * nt.ridge)),
    ),
)  # fmt: skip
