"""A plan for one table: theory proposes, the table disposes.

`proposal` has what theorem H expects of every design for a penalised or unpenalised logistic fit,
`several.proposal` what theorem K2 expects of a softmax fit to more than two classes, and `trust`
what that is worth; it ranks the designs, and the short list goes through `evidence`, repeated
stratified cross-validation of the learner that is trained. Both together are the posterior, by
which `decision` recommends. For forests and boosting there is no theory: the short list is fixed
and the table decides alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from synthetic_oversampling.practice.planner import SEED
from synthetic_oversampling.practice.planner.choices import Choice, Data, Plan, chosen_rows
from synthetic_oversampling.practice.planner.decision import decide
from synthetic_oversampling.practice.planner.designs import GIVEN, Design, designs_of
from synthetic_oversampling.practice.planner.diagnostics import diagnose
from synthetic_oversampling.practice.planner.evidence import (
    Evidence,
    cross_validate,
    held_out_scores,
    representatives,
)
from synthetic_oversampling.practice.planner.learners import RIDGES, separable
from synthetic_oversampling.practice.planner.objectives import CROSS_ENTROPY, OBJECTIVES
from synthetic_oversampling.practice.planner.proposal import Proposal, propose, validity_of
from synthetic_oversampling.practice.planner.several.options import (
    check_options,
    check_several,
    class_shares_of,
)
from synthetic_oversampling.practice.planner.several.proposal import has_word, propose_several
from synthetic_oversampling.practice.planner.sources import (
    NAMES,
    Source,
    drawing,
    require_source,
    rows_needed,
    rows_written,
)
from synthetic_oversampling.practice.planner.table import Prepared, prepare
from synthetic_oversampling.practice.planner.trust import INFLATION, Belief, combined, prior
from synthetic_oversampling.practice.thresholds import class_offsets_of, thresholds_of
from synthetic_oversampling.theory.prediction.validity import NOT_JUDGED, Validity
from synthetic_oversampling.theory.wording import counted

__all__ = ["NAMES", "USUAL", "SeparableError", "choices_of", "plan_table", "short_list"]

_FOLDS, _REPEATS = 5, 2
_SHORT = 10  # designs with rows that are judged, beside those always judged
USUAL = ("smote", "plugin-pooled", "predictive-pooled")  # where nobody named any
_LARGE = 5_000  # rows, beyond which one repeat is enough, and every other ridge


class SeparableError(ValueError):
    """There is no fit without a penalty: a linear rule tells the classes of all rows."""


def plan_table(
    features,
    labels,
    attributes=None,
    *,
    learner: str = "logistic-l2",
    metric: str = CROSS_ENTROPY,
    prevalence: float | Mapping | Sequence[float] | np.ndarray | None = None,
    cost_ratio: float = 1.0,
    ridge: float | str = "cv",
    generators: str | Sequence[str] | Source | None = None,
    synthetic: tuple | None = None,
    fitted: bool = True,
    positive=None,
    price: float = 0.0,
    worth: float | None = None,
    most: int | None = None,
    level: float = 0.95,
    folds: int = _FOLDS,
    repeats: int | None = None,
    seed: int = SEED,
    names: Sequence[str] | None = None,
    told: Callable[[int, int], None] | None = None,
) -> Plan:
    """Plan the synthetic rows of a table.

    Args:
        features: ``[n, d]`` numbers.
        labels: ``n`` labels, of two classes or more.
        attributes: ``n`` values of a spurious attribute; groups are then label x attribute.
        learner: that is trained: "logistic-l2", "logistic" (no penalty), "forest" or "boosting".
        metric: that designs are compared by: "cross-entropy" (balanced), "worst-group" (of the
            cross-entropy), "balanced-error", "auroc" or "average-precision"; the last two are of
            two classes.
        prevalence: share of label 1 where the rule is to be used; the table's when omitted. Of more
            than two classes, all shares, by name or in order.
        cost_ratio: what a missed row of label 1 costs, over a false alarm; for the thresholds.
        ridge: of "logistic-l2": a number of at least 0 in the units of `planner.learners`, "cv" for
            the best of each design in cross-validation, or "theory" for theorem H's best.
        generators: names among `NAMES`, all but "plugin" when omitted, or a function ``(places of
            rows to fit on, rows wanted of each group [G], seed) -> features [sum, d]`` in the order
            of the groups.
        synthetic: ``(features, labels)`` or ``(features, labels, attributes)`` of rows that some
            other generator made; they are then all that is planned for.
        fitted: those rows were made from the table's rows, so that held-out rows have reached them;
            False if from other data.
        positive: the label that counts as class 1; the others together are class 0, and every label
            keeps its own group. Without it more than two labels are as many classes.
        price: that one synthetic row may cost, in units of the metric.
        worth: the least expected gain that rows are recommended for; when omitted 1e-4 nats, and
            1e-3 of a metric that is a share.
        most: synthetic rows of a group at most.
        level: of the intervals.
        folds, repeats: of cross-validation; when omitted 5 and 2, and 1 beyond 5000 rows, where
            also every other ridge is left out.
        seed: of folds and draws.
        names: of the features, for messages; a data frame's own when omitted.
        told: called with the folds done and their number.

    Returns:
        A `Plan`.

    Raises:
        ValueError: naming the argument, what was got, what is expected, and what to do.
        SeparableError: for "logistic" where a linear rule tells the classes apart.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = np.concatenate([rng.normal(0, 1, (100, 2)), rng.normal(1, 1, (20, 2))])
        >>> plan = plan_table(x, [0] * 100 + [1] * 20, generators="smote", ridge=1.0)
        >>> [g.size for g in plan.groups], [choice.name for choice in plan.choices[:3]]
        ([100, 20], ['raw', 'weighting', 'level'])
    """
    check_options(
        learner=learner,
        metric=metric,
        prevalence=prevalence,
        cost_ratio=cost_ratio,
        ridge=ridge,
        price=price,
        worth=worth,
        most=most,
        level=level,
        folds=folds,
        repeats=repeats,
        seed=seed,
    )
    whole = prepare(
        features,
        labels,
        attributes,
        synthetic,
        fitted,
        positive,
        names,
        exact=learner == "logistic",
    )
    kept = ~whole.numbering()
    kept |= not kept.any()
    table = whole.only(kept)
    check_several(table, learner, metric, cost_ratio, ridge)
    shares = class_shares_of(table, prevalence)
    if learner == "logistic" and separable(table.x, table.y):
        which = "the classes of all rows apart" if len(shares) == 2 else "one class from all others"
        raise SeparableError(
            f"learner: got 'logistic', but a linear rule tells {which}, so "
            "that no fit without a penalty exists; expected one with a penalty, such as "
            f"'logistic-l2'.{_alone(table)}"
        )
    sizes = np.bincount(table.group)
    folds = min(int(folds), int(sizes.min()))
    repeats = int(repeats or 0) or (_REPEATS if len(table.x) <= _LARGE else 1)
    rows, times = representatives(table.group, seed)
    part = table.among(rows)
    sources = _sources(part, generators, folds, kept, rows, times)
    every = designs_of(sizes, list(sources), most, table.external and table.external.counts)
    share = shares[1] if len(shares) == 2 else math.nan
    objective = OBJECTIVES[metric]
    proposal = _proposal(table, every, learner, ridge, metric, share)
    designs, gains = short_list(every, proposal, metric)
    ridges = _ridges(learner, ridge, proposal)[:: 1 if len(table.x) <= _LARGE else 2]
    (found,) = cross_validate(
        part.x,
        part.y,
        part.group,
        designs,
        sources,
        learner,
        ridges,
        objectives=(metric,),
        prevalence=share,
        folds=folds,
        repeats=repeats,
        seed=seed,
        times=times,
        flattered=GIVEN if table.external is not None and fitted else "",
        fresh=GIVEN if table.external is not None and not fitted else "",
        told=told and (lambda done: told(done, folds * repeats)),
    )
    choices = choices_of(designs, gains, proposal.excess, found, price, metric=metric)
    worth = objective.worth if worth is None else worth
    best, reason = decide(choices, worth, objective.unit)
    score = held_out_scores(
        part.x,
        part.y,
        part.group,
        best.design,
        sources,
        learner,
        best.ridge,
        folds=folds,
        repeats=repeats,
        seed=seed,
        times=times,
    )
    given: tuple | Source | None = generators if callable(generators) else None
    if whole.external is not None:
        external = whole.external
        given = external.x * whole.unit + whole.centre, external.group
    return Plan(
        choices=tuple(choices),
        recommended=best,
        reason=reason,
        groups=table.groups,
        warnings=diagnose(whole, choices, objective.unit),
        thresholds=(
            thresholds_of(score, part.y, part.group, prevalence=share, cost_ratio=float(cost_ratio))
            if len(shares) == 2
            else class_offsets_of(score, part.y, part.group, table.classes, shares)
        ),
        learner=learner,
        metric=metric,
        theory=_theory(learner, proposal, choices, metric, len(shares)),
        validity=_validity(table, learner),
        level=level,
        price=price,
        worth=worth,
        fits=found.fits,
        folds=(folds, repeats),
        seed=int(seed),
        group_index=table.group,
        data=Data(np.array(features, float), np.array(labels), given),
    )


def choices_of(
    designs: Sequence[Design],
    gains: Sequence[float],
    excess: float,
    found: Evidence,
    price: float = 0.0,
    *,
    metric: str = CROSS_ENTROPY,
) -> list[Choice]:
    """Designs with prior, evidence and posterior.

    Args:
        designs: the second is class weighting; gains, excess: of theory; found: of the table.
        price: of a synthetic row; metric: that all of it is in.
    """
    choices = []
    for design, gain, mean, error, at, loss in zip(
        designs, gains, found.gain, found.error, found.ridge, found.loss, strict=True
    ):
        first = prior(design.source, max(design.shares), gain, excess, metric)
        evidence = Belief(float(mean), float(INFLATION[metric] * error))
        choices.append(
            Choice(
                **design._asdict(),
                prior=first,
                evidence=evidence,
                posterior=combined(first, evidence) if design.rows else evidence,
                ridge=float(at),
                loss=float(loss),
                cost=price * design.rows,
            )
        )
    return choices


def _alone(table: Prepared) -> str:
    """Features that separate the classes by themselves are likely no features."""
    for ties, but in ((False, ""), (True, ", but for rows of one value")):
        for name in table.separating(ties=ties):
            return (
                f" By itself, column {name!r} separates them{but}: is it an identifier, or the "
                "label in another form?"
            )
    return ""


def _sources(
    table: Prepared,
    generators,
    folds: int,
    kept: np.ndarray,
    among: np.ndarray,
    times: np.ndarray,
) -> dict[str, Source]:
    """What is planned for; a function writes all columns, of which `kept` are planned with.

    The table's rows stand at the places `among` of the whole table's, and for `times` rows of it.
    """
    if table.external is not None:
        external = table.external

        def given(rows, counts, seed):
            return external.x[chosen_rows(external.group, counts, seed)]

        return {GIVEN: given}
    if callable(generators):

        def own(rows, counts, seed):
            drawn = rows_written(generators(among[rows], counts, seed), int(sum(counts)), len(kept))
            return (drawn[:, kept] - table.centre) / table.unit

        return {"own": own}
    named = [generators] if isinstance(generators, str) else generators
    dim = table.x.shape[1]
    least = min(group.size for group in table.groups)
    trained = least - -(-least // folds)
    if named is None:
        named = list(USUAL)
    for name in named:
        require_source(name, dim, least)
        if rows_needed(name, dim) > trained:
            raise ValueError(
                f"generators: got {name!r}, which needs "
                f"{counted(rows_needed(name, dim), 'row')} in every group of a training fold; "
                f"the smallest has {trained}; choose another generator."
            )

    return {name: drawing(name, table.x, table.group, times) for name in named}


def _proposal(
    table: Prepared, designs: Sequence[Design], learner: str, ridge, metric: str, share: float
) -> Proposal:
    if not learner.startswith("logistic"):
        return Proposal(np.full(len(designs), np.nan), np.nan, 0.0, np.nan)
    if len(table.classes) > 2:
        return propose_several(table.x, table.y, table.group, designs, objective=metric)
    best = None if isinstance(ridge, str) else float(ridge)
    (found,) = propose(
        table.x,
        table.y,
        table.group,
        designs,
        0.0 if learner == "logistic" else best,
        objectives=(metric,),
        prevalence=share,
    )
    return found


def _validity(table: Prepared, learner: str) -> Validity:
    known = len(table.classes) == 2 or has_word(len(table.classes), table.x.shape[1])
    if not (known and learner.startswith("logistic")):
        return NOT_JUDGED
    return validity_of(table.x, table.y, table.group)


def _ridges(learner: str, ridge, proposal: Proposal) -> tuple[float, ...]:
    if learner != "logistic-l2":
        return (0.0,)
    if ridge == "cv":
        return RIDGES
    return (float(proposal.ridge if ridge == "theory" else ridge),)


def short_list(
    designs: Sequence[Design], proposal: Proposal, metric: str = CROSS_ENTROPY
) -> tuple[list[Design], list[float]]:
    """Raw, weighting, some of the usual generators, and those that theory ranks highest.

    Args:
        designs: all; proposal: theorem H's gains of them; metric: that they are in.
    """
    known = np.isfinite(proposal.gain)
    usual = [
        k
        for k, design in enumerate(designs)
        if not design.rows
        or design.source not in NAMES
        or (design.name == "small" and design.source in USUAL)
        or (design.name == "level" and design.source == "smote")
    ]
    rest = [k for k in range(len(designs)) if k not in usual and known[k]]

    def promise(k: int) -> float:
        design = designs[k]
        found = prior(design.source, max(design.shares), proposal.gain[k], proposal.excess, metric)
        return -np.inf if found is None else found.mean + found.error

    kept = sorted([*usual, *sorted(rest, key=promise, reverse=True)[:_SHORT]])
    return [designs[k] for k in kept], [float(proposal.gain[k]) for k in kept]


def _theory(
    learner: str, proposal: Proposal, choices: Sequence[Choice], metric: str, classes: int
) -> str:
    name = "theorem H" if classes == 2 else "theorem K2"
    if not learner.startswith("logistic"):
        return f"there is no theory of a {learner} on synthetic rows: the table decides alone."
    if not math.isfinite(proposal.excess):
        return f"{name} has no fit to predict on a table like this: the table decides alone."
    if all(choice.prior is None for choice in choices):
        return f"{name} has no law for these rows: the table decides alone."
    silent = (
        ""
        if metric == CROSS_ENTROPY
        else "; by this metric its word on synthetic rows hardly counts"
    )
    return (
        f"{name}, for normal groups like the table's, {proposal.distance:.2g} deviations apart"
        f"{' and no penalty' if classes > 2 else ''}, "
        f"expects class weighting to lie {proposal.excess:.2g} {OBJECTIVES[metric].unit} from the "
        f"best linear rule{silent}."
    )
