"""How many synthetic rows, with what weight, or none: a plan for one table (theorems R and S).

From the rows alone the planner estimates every piece of theorem R at the class-weighted logistic
fit (`simulate.planner_estimate`), forms theorem S1's law for each generator, and compares designs

* ``raw``: plain fit; ``weighting``: real rows only, groups weighted equally;
* ``level``: ``m_g = n_max - n_g`` synthetic rows per group (oversampling, SMOTE's usual use);
* ``level+add``: the same, and ``N`` more rows per group with total weight ``alpha``;
* ``weight+add``: real rows weighted, ``m = 0``, and ``N`` rows per group with weight ``alpha``.

Labelled as the theory labels it: the law is asymptotic (R1, R2) in its local form, so it holds for
biases of the order of the sampling error; the raw fit is taken at its own optimum. The weight of
added rows is the one whose gain over class weighting has the largest lower end, and synthetic rows
are recommended only where that exceeds 2 % of class weighting's excess risk. The gain is linear in
a small weight and the harm of an unknown bias quadratic, so an uncertain generator gets a small
weight before it gets none.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from scipy.stats import norm

from simulate import planner_intervals as intervals
from simulate.planner_diagnostics import Warning_, diagnose
from simulate.planner_estimate import Real, Synthetic, first_fits, real_part, synthetic_part
from simulate.planner_intervals import Interval, Resampled
from simulate.planner_sources import NAMES, Source, source
from simulate.planner_table import GroupInfo, Prepared, prepare
from theory.design import Design
from theory.scaling_law import ScalingLaw

__all__ = ["NAMES", "Choice", "Plan", "plan_table"]

_NEAR = 0.05  # without a price: the share of the gain that the noise of the draws may cost
_WORTH = 0.02  # of class weighting's excess risk: a smaller credible gain is not worth rows
_WEIGHTS = tuple(k / 20 for k in range(1, 21))
_MOST = 20  # times the largest group: no more rows per group are considered


@dataclasses.dataclass(frozen=True)
class Choice:
    """One design with its predicted balanced excess risk, in nats.

    Attributes:
        name: "raw", "weighting", "level", "level+add" or "weight+add".
        source: the generator's name; "" without synthetic rows.
        oversampling: ``m_g``; size: ``N`` per group; weight: ``alpha``.
        excess: predicted, with its interval; bias, variance: its parts.
        gain: over class weighting, with its interval (positive: better).
        cost: price of its synthetic rows, nats.
        net_low: lower end of the one-sided interval of the gain, minus the cost.
        law: ``A, C, D, S`` of theorem S1, None without synthetic rows.
        best_weight, best_size: best if the estimates were exact (S1), with bootstrap intervals: the
            weight at this size, the size at the price; None where there is no such thing.
    """

    name: str
    source: str
    oversampling: tuple[int, ...]
    size: int
    weight: float
    excess: Interval
    bias: float
    variance: float
    gain: Interval
    cost: float = 0.0
    net_low: float = -math.inf
    law: tuple[float, float, float, float] | None = None
    best_weight: Interval | None = None
    best_size: Interval | None = None

    @property
    def rows(self) -> int:
        """Synthetic rows in all."""
        return sum(self.oversampling) + len(self.oversampling) * self.size


@dataclasses.dataclass(frozen=True)
class Plan:
    """What to do with a table.

    Attributes:
        choices: every design compared, as predicted.
        recommended: the design to use.
        add_synthetic: whether that design has synthetic rows.
        reason: one sentence.
        groups: names, sizes and labels; in the order of every per-group tuple.
        warnings: where the theory's assumptions look doubtful on this table.
        level: of the intervals; price: nats a synthetic row.
        group_index: group of every row given ``[n]``.
    """

    choices: tuple[Choice, ...]
    recommended: Choice
    add_synthetic: bool
    reason: str
    groups: tuple[GroupInfo, ...]
    warnings: tuple[Warning_, ...]
    level: float
    price: float
    group_index: np.ndarray

    @property
    def oversampling(self) -> tuple[int, ...]:
        """``m_g``, synthetic rows that level each group."""
        return self.recommended.oversampling

    @property
    def size(self) -> int:
        """``N``, further synthetic rows per group."""
        return self.recommended.size

    @property
    def weight(self) -> float:
        """``alpha``, total weight of the further rows."""
        return self.recommended.weight

    def row_weights(self) -> dict[str, np.ndarray]:
        """Weight of one row of each group: real, levelling and added; the total is 1.

        Returns:
            "real", "levelling" and "added", each ``[G]``; 0 where a design has no such rows.
            Multiply all by one number to taste: the minimiser stays the same.
        """
        own = self.recommended
        sizes = np.array([g.size for g in self.groups], float)
        if own.name == "raw":
            return _per_row(Design.raw(self._sizes), own, sizes)
        if own.name in ("weighting", "weight+add"):
            real = (1.0 - own.weight) / (len(sizes) * sizes)
            added = np.full(len(sizes), own.weight / (len(sizes) * max(own.size, 1)))
            return {"real": real, "levelling": np.zeros(len(sizes)), "added": added}
        return _per_row(Design(self._sizes, own.size, own.weight), own, sizes)

    @property
    def _sizes(self) -> tuple[int, ...]:
        return tuple(g.size for g in self.groups)


def _per_row(design: Design, own: Choice, sizes: np.ndarray) -> dict[str, np.ndarray]:
    m = np.array(own.oversampling, float)
    return {
        "real": design.real_mass / sizes,
        "levelling": np.where(m > 0, design.oversampling_mass / np.maximum(m, 1), 0.0),
        "added": design.augmentation_mass / max(own.size, 1),
    }


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
    most: int | None = None,
    level: float = 0.95,
    bootstrap: int = 200,
    seed: int = 0,
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
        most: synthetic rows per group at most; 20 times the largest group when omitted.
        level: of the intervals.
        bootstrap: replicates.
        seed: of the bootstrap.

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
    _check_options(price, most, level, bootstrap)
    table = prepare(features, labels, attributes, synthetic, fitted, positive)
    rows = table.rows
    fits = first_fits(rows)
    ones = np.ones(len(rows.group))
    real = real_part(rows, ones, fits)
    sources = _sources(table, generators, seed)
    parts = [(own, synthetic_part(rows, ones, real, own)) for own in sources]
    resampled = intervals.resample(rows, fits, parts, replicates=bootstrap, seed=seed)
    sizes = np.bincount(rows.group)
    work = _Work(real, resampled, sizes, price, most or _MOST * int(sizes.max()), level)
    choices = [work.raw(), work.weighting()]
    for index, (own, part) in enumerate(parts):
        if own.name != "duplicate":
            choices += work.designs(index, own, part, table.available)
    warnings = diagnose(table, real, parts, resampled, choices)
    best, adds, reason = _decide(choices)
    return Plan(
        tuple(choices), best, adds, reason, table.groups, warnings, level, price, rows.group
    )


def _check_options(price, most, level, bootstrap) -> None:
    for name, value, ok, expected in (
        ("price", price, price >= 0 and math.isfinite(price), "a number of at least 0"),
        ("most", most, most is None or most >= 1, "at least 1 row per group"),
        ("level", level, 0.5 < level < 1, "a number between 0.5 and 1, such as 0.95"),
        ("bootstrap", bootstrap, 10 <= bootstrap <= 10**5, "10 to 100 000 replicates"),
    ):
        if not ok:
            raise ValueError(f"{name}: got {value!r}, expected {expected}.")


def _sources(table: Prepared, generators, seed: int) -> list[Source]:
    named = [generators] if isinstance(generators, str) else generators
    if named is None:
        named = () if table.external is not None else NAMES[1:]
    found = [source(name, table.rows, seed) for name in named]
    if table.external is not None:
        found.insert(0, Source("table", external=table.external))
    if not found:
        raise ValueError(
            "generators: got none and no synthetic table, expected a name among "
            f"{', '.join(NAMES)}, or a table of synthetic rows."
        )
    return found


class _Work:
    """What the designs of one table are predicted from."""

    def __init__(self, real: Real, resampled: Resampled, sizes, price, most: int, level: float):
        self.real, self.resampled, self.sizes = real, resampled, sizes
        self.price, self.most, self.level = price, most, level
        self.z = float(norm.ppf(0.5 + level / 2))
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
            rest = intervals.log_normal(own.raw_variance, self.resampled.weighted * (
                own.raw_variance / own.weighted), self.z)  # fmt: skip
            excess = Interval(
                value,
                max(value - math.hypot(value - excess.low, rest.value - rest.low), 0.0),
                value + math.hypot(excess.high - value, rest.high - rest.value),
            )
        gain = intervals.add(self._weighted(self.z), excess, -1.0)
        return Choice("raw", "", self.none, 0, 0.0, excess, value - own.raw_variance,
                      own.raw_variance, gain, 0.0, gain.low)  # fmt: skip

    def weighting(self) -> Choice:
        own = self.real.weighted
        return Choice("weighting", "", self.none, 0, 0.0, self._weighted(self.z), 0.0, own,
                      Interval(0.0, 0.0, 0.0), 0.0, 0.0)  # fmt: skip

    def _weighted(self, z: float) -> Interval:
        return intervals.log_normal(self.real.weighted, self.resampled.weighted, z)

    def designs(self, index: int, own: Source, part: Synthetic, available):
        """Levelling, and augmentation with and without it at the most credible weight."""
        for level in (True, False):
            law = ScalingLaw(*(jnp.asarray(float(value)) for value in part.moments(level)))
            m = self.levelled if level else self.none
            most = self.most if available is None else min(self.most, int((available - m).min()))
            if level and most >= 0:
                yield self._choice("level", index, own, part, m, 0, 0.0, law)
            if most < 1:
                continue
            name = "level+add" if level else "weight+add"
            offers = [
                self._choice(name, index, own, part, m, size, weight, law)
                for weight in _WEIGHTS
                if (size := self._size(law, weight, most)) > 0
            ]
            if not offers and not level:  # every weight is predicted to hurt: show that it does
                size = min(most, int(self.sizes.max()))
                offers = [self._choice(name, index, own, part, m, size, _WEIGHTS[0], law)]
            if offers:
                best = max(offers, key=lambda choice: choice.net_low)
                yield self._with_ranges(best, index, level, law)

    def _size(self, law: ScalingLaw, weight: float, most: int) -> int:
        """The best size for a weight at the price; without one, draws cost 5 % of the gain."""
        a, c, d, s = (float(value) for value in law)
        gain = 2 * weight * (a - c) - weight**2 * (a - 2 * c + d)
        if gain <= 0:
            return 0
        if self.price > 0:
            size = weight * math.sqrt(s / (2 * len(self.sizes) * self.price))
        else:
            size = weight**2 * s / (_NEAR * gain)
        return min(most, math.ceil(size))

    def _choice(self, name, index, own, part, m, size, weight, law) -> Choice:
        level = name.startswith("level")
        mix = np.zeros(3)
        mix[1 if level else 0], mix[2] = 1.0 - weight, weight
        added = weight**2 / size if size else 0.0
        drawn = (1.0 - weight) ** 2 if level else 0.0

        def variance(seeds, levelling, one):
            return np.einsum("j,...jk,k->...", mix, seeds, mix) + drawn * levelling + added * one

        boot = self.resampled
        value = float(variance(part.seeds, part.levelling, part.one))
        many = variance(boot.seeds[index], boot.levelling[index], boot.one[index])
        spread = float(np.std(2 * boot.weighted - many, ddof=1))

        square = float(mix @ part.square @ mix)
        best = self.real.weighted - (square + value) / 2

        def gain(z):
            saved = intervals.normal(2 * self.real.weighted - value, spread, z)
            bias = intervals.squared_bias(part, mix, z)
            return intervals.add(saved, bias, -1.0).halved().around(best)

        bias = intervals.squared_bias(part, mix, self.z)
        noise = intervals.log_normal(value, many, self.z)
        excess = intervals.add(bias, noise).halved().around((square + value) / 2, noise.low / 2)
        choice = Choice(name, own.name, m, size, weight, excess, square / 2, value / 2,
                        gain(self.z), law=tuple(float(v) for v in law))  # fmt: skip
        cost = self.price * choice.rows
        low = gain(float(norm.ppf(self.level))).low
        return dataclasses.replace(choice, cost=cost, net_low=low - cost)

    def _with_ranges(self, choice: Choice, index: int, level: bool, law: ScalingLaw) -> Choice:
        """The weight and size that would be best if the estimates were exact, with intervals."""
        a, c, d, s = (np.asarray(v, float) for v in self.resampled.laws(index, level))
        many = ScalingLaw(*(jnp.asarray(np.broadcast_to(v, a.shape)) for v in (a, c, d, s)))
        ends = [50 * (1 - self.level), 50 * (1 + self.level)]

        def interval(point, replicates) -> Interval:
            low, high = np.percentile(np.asarray(replicates), ends)
            return Interval(float(point), min(float(low), float(point)),
                            max(float(high), float(point)))  # fmt: skip

        size = float(choice.size)
        found = {"best_weight": interval(law.best_weight(size), many.best_weight(size))}
        if self.price > 0:
            price = len(self.sizes) * self.price
            found["best_size"] = interval(law.optimal_size(price), many.optimal_size(price))
        return dataclasses.replace(choice, **found)


def _decide(choices: Sequence[Choice]) -> tuple[Choice, bool, str]:
    """The design whose gain over class weighting is credibly largest."""
    raw, weighting = choices[:2]
    reference = raw if raw.gain.low > 0 else weighting
    offers = [c for c in choices[2:] if c.rows]
    best = max(offers, key=lambda c: c.net_low, default=None)
    least = max(reference.net_low, _WORTH * weighting.excess.value)
    if best is not None and best.net_low > least:
        return best, True, (
            f"with {best.rows} synthetic rows ({best.source}, {best.name}) the excess risk falls "
            f"by {best.gain.value:.3g} nats against class weighting; net of their cost by "
            f"{best.net_low:.2g} at least, with one-sided confidence."
        )  # fmt: skip
    name = "class weighting" if reference is weighting else "the plain fit"
    if best is None:
        return reference, False, f"do not add synthetic data: no design has rows to add; {name}."
    likely = max(offers, key=lambda c: c.gain.value - c.cost)
    verdict = "may help, but it is not credible on this table" if (
        likely.gain.value > likely.cost
    ) else "is predicted to hurt, or not to be worth its price"  # fmt: skip
    return reference, False, (
        f"do not add synthetic data: the most promising design ({likely.source}, {likely.name}) "
        f"{verdict} (gain {likely.gain.value:.3g}, {likely.gain.low:.2g} to "
        f"{likely.gain.high:.2g} nats); use {name}."
    )  # fmt: skip
