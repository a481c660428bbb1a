"""How many synthetic rows, with what weight, or none: a plan for one table (theorems R and S).

From the rows alone the planner estimates every piece of theorem R at the class-weighted logistic
fit (`practice.planner.estimate`) and beyond it (`practice.planner.ratios`), forms theorem S1's
global law for each generator, and compares designs

* ``raw``: plain fit; ``weighting``: real rows only, groups weighted equally;
* ``level``: ``m_g = n_max - n_g`` synthetic rows per group (oversampling, SMOTE's usual use);
* ``level+add``: the same, and ``N`` more rows per group with total weight ``alpha``;
* ``weight+add``: real rows weighted, ``m = 0``, and ``N`` rows per group with weight ``alpha``.

Labelled as the theory labels it: what is estimated from a table is S1's global law (R1 and R2 in
full, at the pseudo-true point of each weight), with what is quadratic in a bias corrected for the
noise of its estimate; the raw fit is taken at its own optimum. Decisions are by the expected gain
over class weighting (`practice.planner.posterior`): the bias has a posterior, whose spread counts
as harm. The gain is linear in a small weight and the harm of an uncertain bias quadratic, so an
uncertain generator gets a small weight before it gets none.

Whether the gain is worth the rows, and how few will do, is `practice.planner.decision`'s. A
generator whose rows plainly differ from the table's (`posterior.misfit`) gets a flat prior,
and must be shown to help: what is expected must exceed 1.645 standard errors of the gain, a
one-sided 95 %.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from scipy.stats import norm

from synthetic_oversampling.practice.planner import intervals
from synthetic_oversampling.practice.planner.choices import Choice, Plan
from synthetic_oversampling.practice.planner.decision import decide, fewest, forgone, least_gain
from synthetic_oversampling.practice.planner.diagnostics import Caution, diagnose, validity
from synthetic_oversampling.practice.planner.estimate import (
    Real,
    SeparableError,
    Synthetic,
    first_fits,
    real_part,
    synthetic_part,
)
from synthetic_oversampling.practice.planner.intervals import Interval, Resampled
from synthetic_oversampling.practice.planner.posterior import misfit
from synthetic_oversampling.practice.planner.ratios import (
    Ratios,
    best_of,
    mixture,
    ratios,
    table_law,
)
from synthetic_oversampling.practice.planner.reach import reach
from synthetic_oversampling.practice.planner.sources import NAMES, Rows, Source, rows_needed, source
from synthetic_oversampling.practice.planner.table import Prepared, prepare
from synthetic_oversampling.theory.scaling.global_law import GlobalLaw

__all__ = ["NAMES", "Choice", "Plan", "plan_table"]

_WEIGHTS = tuple(k / 20 for k in range(1, 21))
_MISFIT = 3.0  # standard deviations beyond chance: the generator is not right
_SHOWN = 1.645  # standard errors of its gain, which one that is not must be expected to exceed
_REPLICATES, _FEWER, _LARGE = 200, 60, 10_000  # of the bootstrap, and rows beyond which fewer
_MOST = 20  # times the largest group: no more rows per group are considered


def plan_table(
    features,
    labels,
    attributes=None,
    *,
    generators: str | Sequence[str] | None = None,
    synthetic: tuple | None = None,
    fitted: bool = True,
    positive=None,
    price: float = 0.0,
    worth: float = 1e-4,
    most: int | None = None,
    level: float = 0.95,
    bootstrap: int | None = None,
    seed: int = 0,
    names: Sequence[str] | None = None,
) -> Plan:
    """Plan the synthetic rows of a table.

    Args:
        features: ``[n, d]`` numbers.
        labels: ``n`` labels, two kinds unless `positive` is given.
        attributes: ``n`` values of a spurious attribute; groups are then label x attribute.
        generators: names among `NAMES`; all but "duplicate" when omitted and no table is given.
        synthetic: ``(features, labels)`` or ``(features, labels, attributes)`` of rows that some
            other generator made.
        fitted: those rows were made from the table's rows (as a language model with the rows in its
            prompt makes them), so that they share its sampling error; False if from other data.
        positive: the label that counts as class 1; the others together are class 0, and every label
            keeps its own group.
        price: nats of excess risk that one synthetic row may cost.
        worth: nats, the least expected gain that rows are recommended for.
        most: synthetic rows per group at most; 20 times the largest group when omitted.
        level: of the intervals.
        bootstrap: replicates; when omitted 200, and 60 beyond 10 000 rows, as many as the planner
            was validated with.
        seed: of the bootstrap.
        names: of the features, for messages; a data frame's own when omitted.

    Returns:
        A `Plan`.

    Raises:
        ValueError: naming the argument, what was got, what is expected, and what to do.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> x = np.concatenate([rng.normal(0, 1, (300, 2)), rng.normal(1, 1, (60, 2))])
        >>> plan = plan_table(x, [0] * 300 + [1] * 60, generators="gaussian-pooled", bootstrap=20)
        >>> plan.recommended.name, plan.add_synthetic, [g.size for g in plan.groups]
        ('weight+add', True, [300, 60])
    """
    _check_options(price, worth, most, level, bootstrap)
    table = prepare(features, labels, attributes, synthetic, fitted, positive, names)
    rows = table.rows
    try:
        fits = first_fits(rows)
    except SeparableError as error:
        raise SeparableError(f"{error}{_alone(table)}") from None
    ones = np.ones(len(rows.group))
    real = real_part(rows, ones, fits)
    sources, missing = _sources(table, generators, seed)
    parts = [(own, synthetic_part(rows, ones, real, own)) for own in sources]
    replicates = bootstrap or (_REPLICATES if len(rows.group) <= _LARGE else _FEWER)
    resampled = intervals.resample(rows, fits, parts, replicates=replicates, seed=seed)
    parts = [
        (own, part._replace(shrunk=misfit(part.turn, noise) < _MISFIT))
        for (own, part), noise in zip(parts, resampled.turn, strict=True)
    ]
    sizes = np.bincount(rows.group)
    errors = reach(rows, fits, resampled.weighted, seed=seed).errors(0.5 + level / 2)
    most = most or _MOST * int(sizes.max())
    work = _Work(rows, real, resampled, price, worth, most, level, errors)
    choices = [work.raw(), work.weighting()]
    for index, (own, part) in enumerate(parts):
        if own.name != "duplicate":
            choices += work.designs(index, own, part, table.available)
    found = diagnose(table, real, parts, resampled, choices)
    warnings = (*missing, *work.doubts, *found)
    best, adds, reason = decide(choices, worth)
    needed = least_gain(choices, worth)
    return Plan(
        tuple(choices),
        best,
        adds,
        reason,
        table.groups,
        warnings,
        level,
        price,
        rows.group,
        needed,
        validity(table, real, resampled, best),
    )


def _alone(table: Prepared) -> str:
    """Features that separate the classes by themselves are likely no features."""
    for ties, but in ((False, ""), (True, ", but for rows of one value")):
        for name in table.separating(ties=ties):
            return (
                f" By itself, column {name!r} separates them{but}: is it an identifier, or the "
                "label in another form?"
            )
    return ""


def _check_options(price, worth, most, level, bootstrap) -> None:
    for name, value, ok, expected in (
        ("price", price, price >= 0 and math.isfinite(price), "a number of at least 0"),
        ("worth", worth, worth >= 0 and math.isfinite(worth), "a number of at least 0"),
        ("most", most, most is None or most >= 1, "at least 1 row per group"),
        ("level", level, 0.5 < level < 1, "a number between 0.5 and 1, such as 0.95"),
        (
            "bootstrap",
            bootstrap,
            bootstrap is None or 10 <= bootstrap <= 10**5,
            "10 to 100 000 replicates",
        ),
    ):
        if not ok:
            raise ValueError(f"{name}: got {value!r}, expected {expected}.")


def _sources(table: Prepared, generators, seed: int) -> tuple[list[Source], list[Caution]]:
    """What is planned for; where nobody named any, those that the groups are large enough for."""
    named = [generators] if isinstance(generators, str) else generators
    missing = []
    if named is None:
        named = () if table.external is not None else NAMES[1:]
        least = min(group.size for group in table.groups)
        few = {name: n for name in named if (n := rows_needed(name, len(table.names))) > least}
        named = [name for name in named if name not in few]
        if few:
            needs = ", ".join(f"{name} ({n})" for name, n in few.items())
            missing = [
                Caution(
                    "generators", float(least),
                    f"not planned for {needs}: they need that many rows in every group, the "
                    f"smallest has {least}.",
                )
            ]  # fmt: skip
    found = [source(name, table.rows, seed) for name in named]
    if table.external is not None:
        found.insert(0, Source("table", external=table.external))
    if not found:
        raise ValueError(
            "generators: got none and no synthetic table, expected a name among "
            f"{', '.join(NAMES)}, or a table of synthetic rows."
        )
    return found, missing


class _Work:
    """What the designs of one table are predicted from."""

    def __init__(
        self, rows: Rows, real: Real, resampled: Resampled, price, worth, most, level, errors
    ):
        self.rows, self.real, self.resampled = rows, real, resampled
        self.sizes = sizes = np.bincount(rows.group)
        self.doubts: list[Caution] = []
        self.laws: dict[tuple[int, bool], GlobalLaw] = {}
        self.price, self.worth, self.most, self.level = price, worth, most, level
        self.z = float(norm.ppf(0.5 + level / 2))  # where all rows decide
        self.errors = errors  # where the rows of the smallest group do
        self.none = (0,) * len(sizes)
        self.levelled = tuple(int(sizes.max() - n) for n in sizes)

    def raw(self) -> Choice:
        own = self.real
        value = max(own.raw, 0.0)
        excess = intervals.normal(value, own.raw_std, self.z)
        if value > 0:
            reach = math.exp(min(self.z * own.raw_std / value, 50.0))
            excess = Interval(value, value / reach, value * reach)
            # the variance part is estimated as well as that of class weighting, relatively
            rest = intervals.scaled(own.raw_variance, self.resampled.weighted * (
                own.raw_variance / own.weighted), self.errors)  # fmt: skip
            excess = Interval(
                value,
                max(value - math.hypot(value - excess.low, rest.value - rest.low), 0.0),
                value + math.hypot(excess.high - value, rest.high - rest.value),
            )
        gain = intervals.add(self._weighted(), excess, -1.0)
        return Choice("raw", "", self.none, 0, 0.0, excess, value - own.raw_variance,
                      own.raw_variance, gain, 0.0, gain.value)  # fmt: skip

    def weighting(self) -> Choice:
        own = self.real.weighted
        return Choice("weighting", "", self.none, 0, 0.0, self._weighted(), 0.0, own,
                      Interval(0.0, 0.0, 0.0), 0.0, 0.0)  # fmt: skip

    def _weighted(self) -> Interval:
        return intervals.scaled(self.real.weighted, self.resampled.weighted, self.errors)

    def designs(self, index: int, own: Source, part: Synthetic, available):
        """Levelling, and augmentation with and without it at the weight expected to be best."""
        for level in (True, False):
            beyond = self._beyond(own, part, level)
            if beyond is None:
                continue
            m = self.levelled if level else self.none
            most = self.most if available is None else min(self.most, int((available - m).min()))
            if level and most >= 0:
                yield self._choice("level", index, own, part, m, 0, 0.0, beyond)
            if most < 1:
                continue
            name = "level+add" if level else "weight+add"
            amount = self._amount(part, beyond, level, most)
            if amount is None and not level:  # every weight is predicted to hurt: show that it does
                amount = _WEIGHTS[0], min(most, int(self.sizes.max()))
            if amount is not None:
                weight, size = amount
                own_choice = self._choice(name, index, own, part, m, size, weight, beyond)
                yield self._with_ranges(own_choice, index, level, beyond)

    def _beyond(self, own: Source, part: Synthetic, level: bool) -> Ratios | None:
        """What biases of any size change; None, and a doubt, where nothing can be told."""
        found = ratios(self.rows, np.ones(len(self.rows.group)), self.real, part, own, level=level)
        if found is None and not level:
            self.doubts.append(
                Caution(
                    "synthetic fit", 1.0,
                    f"{own.name}: its rows without real ones have no logistic fit, they separate "
                    "the classes, or nearly: its designs are left out.",
                )
            )  # fmt: skip
        return found

    def _left(
        self, part: Synthetic, beyond: Ratios, level: bool, weight: float, size: int | float
    ) -> float:
        """Twice the expected excess: posterior bias, and the noise of seeds and draws.

        What the law of small biases leaves out may take a gain away, and add to it at most as much
        again: it is of higher order in what few rows estimate.
        """
        mix = mixture(level, weight)
        bias = float(mix @ part.expected_square @ mix)
        drawn = (1.0 - weight) ** 2 * part.levelling if level else 0.0
        seeds, one = float(mix @ part.seeds @ mix) + drawn, weight**2 * part.one / size
        local = bias + seeds + one
        found = beyond.bias(weight) * bias + beyond.seeds(weight) * seeds + beyond.one(weight) * one
        return float(max(found, local + min(local - 2 * self.real.weighted, 0.0)))

    def _amount(
        self, part: Synthetic, beyond: Ratios, level: bool, most: int
    ) -> tuple[float, int] | None:
        """Weight and size: the best at the price, or the best weight and rows that nearly do.

        None if every weight hurts. What is left of the risk has one minimum in the variance, which
        falls with the size: from the most rows downwards it is good enough, then not.
        """
        none = self._left(part, beyond, level, 0.0, 1.0)

        def gain(weight: float, size: int | float) -> float:
            return (none - self._left(part, beyond, level, weight, size)) / 2

        def dear(weight: float) -> int:
            """The size at which one more row is worth its price."""
            noise = max(float(beyond.one(weight)), 0.0) * part.one
            size = weight * math.sqrt(noise / (2 * len(self.sizes) * self.price))
            return min(most, max(math.ceil(size), 1))

        if self.price > 0:
            count = len(self.sizes)
            offers = [(w, dear(w)) for w in _WEIGHTS if gain(w, math.inf) > 0]
            return max(
                offers, key=lambda own: gain(*own) - self.price * count * own[1], default=None
            )
        weight = max(_WEIGHTS, key=lambda own: gain(own, most))
        if gain(weight, most) <= 0:
            return None
        without_end = gain(weight, math.inf)
        enough = without_end - forgone(without_end, self.worth)
        if gain(weight, most) < enough:
            return weight, most
        return weight, fewest(lambda size: gain(weight, size) >= enough, most)

    def _choice(self, name, index, own, part, m, size, weight, beyond: Ratios) -> Choice:
        level = name.startswith("level")
        mix = mixture(level, weight)
        of_bias, of_seeds, of_one = (float(one(weight)) for one in beyond)
        added = weight**2 / size if size else 0.0
        drawn = (1.0 - weight) ** 2 if level else 0.0

        def variance(seeds, levelling, one):
            kept = np.einsum("j,...jk,k->...", mix, seeds, mix) + drawn * levelling
            return of_seeds * kept + of_one * added * one

        boot = self.resampled
        value = float(variance(part.seeds, part.levelling, part.one))
        many = variance(boot.seeds[index], boot.levelling[index], boot.one[index])
        spread = float(np.std(2 * boot.weighted - many, ddof=1))

        square = of_bias * float(mix @ part.square @ mix)
        best = self.real.weighted - (square + value) / 2

        bias = intervals.squared_bias(part, mix, self.errors).times(of_bias)
        saved = intervals.normal(2 * self.real.weighted - value, spread, self.errors)
        gain = intervals.add(saved, bias, -1.0).halved().around(best)
        noise = intervals.scaled(value, many, self.errors)
        excess = intervals.add(bias, noise).halved().around((square + value) / 2, noise.low / 2)
        choice = Choice(name, own.name, m, size, weight, excess, square / 2, value / 2, gain,
                        law=self._law(part, beyond, level))  # fmt: skip
        cost = self.price * choice.rows
        left = self._left(part, beyond, level, weight, size if size else math.inf)
        return dataclasses.replace(
            choice, cost=cost, expected=self.real.weighted - left / 2 - cost,
            caution=0.0 if part.shrunk else _SHOWN * (gain.value - gain.low) / self.errors,
        )  # fmt: skip

    def _law(self, part: Synthetic, beyond: Ratios, level: bool) -> GlobalLaw:
        key = (id(part), level)
        if key not in self.laws:
            self.laws[key] = table_law(part, beyond, level=level)
        return self.laws[key]

    def _with_ranges(self, choice: Choice, index: int, level: bool, beyond: Ratios) -> Choice:
        """The weight and size that would be best if the estimates were exact, with intervals."""
        boot, law, size = self.resampled, choice.law, float(choice.size)
        price = len(self.sizes) * self.price
        weights, best = best_of(
            beyond, boot.square[index], boot.seeds[index], boot.levelling[index], boot.one[index],
            level=level, size=size, price=price,
        )  # fmt: skip
        ends = [50 * (1 - self.level), 50 * (1 + self.level)]

        def interval(point, replicates) -> Interval:
            low, high = np.percentile(replicates, ends)
            return Interval(float(point), min(float(low), float(point)),
                            max(float(high), float(point)))  # fmt: skip

        found = {"best_weight": interval(law.best_weight(size), weights)}
        if self.price > 0:
            found["best_size"] = interval(law.optimal_size(price), best)
        return dataclasses.replace(choice, **found)
