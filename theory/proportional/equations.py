"""Theorem H's equations as one map, for clusters of rows and for seeds that generators look at."""

from __future__ import annotations

import copy
import dataclasses
import math
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from synthetic_oversampling.theory.arrays import AnyArray, Number, namespace
from synthetic_oversampling.theory.population.margins import LOGISTIC, Loss
from synthetic_oversampling.theory.proportional.clusters import Norms, Spectra
from synthetic_oversampling.theory.proportional.parts import Drawn, Rows, Seeds, State
from synthetic_oversampling.theory.proportional.rows import (
    Averages,
    Grid,
    Potential,
    averages,
    grid,
    unit_averages,
)
from synthetic_oversampling.theory.proportional.solver import (
    TOLERANCE,
    NoFixedPoint,
    Solved,
    fixed_point,
    traced_fixed_point,
)

__all__ = ["Added", "Equations", "added"]

_NODES, _FINE_NODES = 129, 1025
_SMEAR_NODES = 65, 129, 257  # of interpolation, whose cost grows with their square
_STEP, _SMEAR_STEP, _LARGEST_STEP = 0.46, 1.0, 10.0  # of a score between nodes: wanted, at most
_TRACED_NODES = 513, 129  # in programs of JAX, where nothing is refined; of interpolation
_LOST = 50.0  # step of a solution that refinement does not begin from
_LEVEL, _LEVELS = 0.25, 2  # ridge from which solutions are continued, and steps above it
_RATIO, _MOST_STEPS = 4.0, 40  # of the ridges of two steps; to the last of which few are solved
_NO_NOISE = 1e-200
_FLAT = 1e-100  # curvature of every loss where an intercept has run away, and nothing pulls it back


@dataclasses.dataclass
class Equations:
    """The map whose fixed point theorem H describes.

    Attributes:
        spectra: of the clusters with rows, in their order, and of further ones to be scored.
        rows: the clusters with rows; seeds: the groups among them that generators look at.
        drawn: what generators draw.
        loss: logistic or squared; ridge: of the penalty.
        intercept: fixed value, or None where it is fitted.
        noise: whether there is any; without, the population's minimiser.
    """

    spectra: Spectra
    rows: list[Rows]
    seeds: list[Seeds]
    drawn: list[Drawn]
    loss: Loss
    ridge: Number
    intercept: Number | None = None
    noise: bool = True

    def solve(self) -> State:
        """The fixed point.

        Raises:
            NoFixedPoint: where none is found.
        """
        try:
            return self._solve(quick=bool(self._pairs) and self.loss is LOGISTIC)
        except NoFixedPoint:
            if not self.quick:
                raise
        return self._solve(quick=False)

    def _solve(self, quick: bool) -> State:
        """The same, with one step a time for the margins of interpolated seeds if quick."""
        self.quick = quick
        self.nodes = grid(_SMEAR_NODES[0] if self._pairs else _NODES)
        self.near: dict[int, np.ndarray] = {}
        start, full = self._start(), self.spectra
        if full.matrices is not None:  # from the solution for covariances that commute
            self.spectra = full.coarse()
            try:
                start = fixed_point(self._map, start, tolerance=1e-4).point
            except NoFixedPoint:
                pass
            self.spectra = full
        try:
            found = self._refined(fixed_point(self._map, start, early=self._early()))
        except NoFixedPoint:
            if self.ridge == 0:
                found = self._refined(fixed_point(self._map, self._start(discriminant=True)))
            elif self._pairs:
                raise
            else:
                found = self._continued()
        state = self._step(found.point)
        if not self._held(state):
            raise NoFixedPoint("the intercept runs away from rows whose losses no longer bend")
        step = self._std(found.point) * self._width
        if step > _LARGEST_STEP:
            raise NoFixedPoint(
                f"scores have a standard deviation of {self._std(found.point):.3g}, expected at "
                f"most {_LARGEST_STEP / self._width:.3g}, up to which their averages are resolved"
            )
        state.iterations, state.residual = found.iterations, found.residual
        return state

    def _held(self, state: State) -> Number:
        """Whether losses bend that can pull a fitted intercept back."""
        stiffness = [rows.stiffness for rows in state.rows]
        xp = namespace(*stiffness)
        bent = xp.max(xp.array(stiffness))
        return (self.intercept is not None) | (bent > _FLAT)

    def solve_traced(self) -> tuple[State, AnyArray]:
        """The fixed point in a program of JAX, and whether it was found and nodes resolve it."""
        self.quick, self.near = bool(self._pairs) and self.loss is LOGISTIC, {}
        self.nodes = grid(_TRACED_NODES[bool(self._pairs)])

        def easier(level):
            copied = copy.copy(self)
            copied.ridge = self.ridge * _RATIO**level
            return copied

        ridge = jnp.asarray(self.ridge, jnp.float64)
        steps = jnp.log(_LEVEL / jnp.maximum(ridge, _NO_NOISE)) / math.log(_RATIO)
        steps = jnp.clip(jnp.ceil(steps), _LEVELS, _MOST_STEPS)
        levels = jnp.where(ridge > 0, steps + _LEVELS, 0.0)
        found = traced_fixed_point(
            lambda point, level: easier(level)._map(point),
            lambda level: easier(level)._start(),
            levels=levels,
        )
        state = self._step(found.point)
        state.iterations, state.residual = found.iterations, found.residual
        resolved = self._std(found.point) * self._width <= _SMEAR_STEP
        return state, (found.residual <= TOLERANCE) & resolved & self._held(state)

    def _std(self, point: AnyArray) -> Number:
        """The largest standard deviation of a score."""
        xp = namespace(point)
        return xp.exp(xp.max(point[self._slice(1)]) / 2)

    @property
    def _width(self) -> float:
        return float(self.nodes.nodes[1] - self.nodes.nodes[0])

    def _refined(self, found: Solved) -> Solved:
        """The solution on finer nodes, where scores are so steep that it takes them.

        A fixed point of coarse sums need not be near one of the integrals: the finer ones decide.
        """
        if self._std(found.point) * self._width > _LOST:
            raise NoFixedPoint("scores vary more between nodes than sums over them can tell")
        spent = found.iterations
        finer = _SMEAR_NODES[1:] if self._pairs else (_FINE_NODES,)
        for count in finer:
            if not self._steep(found.point):
                break
            point = self._moved(found.point, grid(count))
            found = fixed_point(self._map, point, most=150, early=self._early())
            spent += found.iterations
        return found._replace(iterations=spent)

    def _steep(self, point: np.ndarray) -> bool:
        return bool(self._std(point) * self._width > (_SMEAR_STEP if self._pairs else _STEP))

    def _early(self):
        """Which points of interpolation's rows go to finer nodes before they are solutions."""
        return self._steep if self._pairs and len(self.nodes.nodes) < _SMEAR_NODES[-1] else None

    def _moved(self, point: np.ndarray, nodes: Grid) -> np.ndarray:
        """A point with the margins of interpolation's seeds at other nodes, which are taken."""
        start, old = self._slice(6).start, self.nodes.nodes
        margins = point[start:].reshape(-1, len(old)) if self._pairs else ()
        self.nodes, self.near = nodes, {}
        return np.concatenate([point[:start], *(np.interp(nodes.nodes, old, m) for m in margins)])

    def _continued(self) -> Solved:
        """The solution from those of larger ridges: near the largest margin scores are steep."""
        ridge, spent = self.ridge, 0
        self.nodes, self.near = grid(_FINE_NODES), {}
        steps = (
            _LEVELS
            if ridge >= _LEVEL
            else min(
                _MOST_STEPS, math.ceil(math.log(_LEVEL / max(ridge, _NO_NOISE)) / math.log(_RATIO))
            )
        )
        points: list[np.ndarray] = []
        try:
            for k in range(steps + _LEVELS, -1, -1):
                self.ridge = ridge * _RATIO**k
                start = self._start() if not points else points[-1]
                if len(points) > 1:
                    start = 2 * points[-1] - points[-2]
                try:
                    found = fixed_point(self._map, start, most=150)
                except NoFixedPoint:
                    if len(points) < 2:
                        raise
                    found = fixed_point(self._map, points[-1])
                spent += found.iterations
                points.append(found.point)
        finally:
            self.ridge = ridge
        return found._replace(iterations=spent)

    @property
    def _pairs(self) -> list[int]:
        return sorted({part.group for part in self.drawn if part.kind == "pairs"})

    def _slice(self, part: int) -> slice:
        """Places in the vector: 0 means, 1 log variances, 2 log responses, of clusters with rows;
        from 3 on mean, log variance and log response of the training scores of seeds."""
        count, groups = len(self.rows), len(self.seeds)
        start = 1 + min(part, 3) * count + max(part - 3, 0) * groups
        return slice(start, start + (count if part < 3 else groups))

    def _start(self, discriminant: bool = False) -> AnyArray:
        many = np.array([row.many for row in self.rows])
        laws = [((1.0, row.total),) if row.many else row.laws for row in self.rows]
        masses = [sum(p * w for p, w in law) for law in laws]
        numbers = [1.0 if row.many else row.number for row in self.rows]
        signs = np.array([row.sign for row in self.rows])
        for part in self.drawn:
            for k in self.seeds[part.group].clusters:
                masses[k] += part.weight / self.seeds[part.group].number
        xp = namespace(*masses, *numbers, self.ridge)
        weights, count = xp.array(masses), xp.array(numbers)
        if discriminant or not self.noise:
            return self._discriminant(signs, count * weights)
        curve = 0.2 * count * weights
        pull = 0.5 * signs * count * weights
        balance = pull.sum() / xp.maximum(curve.sum(), 1e-300)
        start = 0.0 if self.intercept is None else self.intercept
        if self.intercept is None:
            pull = pull - balance * curve
            start = 0.5 * balance
        spread = xp.where(many, 0.0, 0.1 * count * weights**2)
        ridge = self.ridge + 0.05 * curve.sum() * float(np.mean(self.spectra.scale))
        norms = self.spectra.norms(ridge, pull, spread, curve)
        return self._vector(start, norms, None)

    def _discriminant(self, signs: np.ndarray, masses: np.ndarray) -> np.ndarray:
        """The linear discriminant of the labels' mean covariance, its intercept moved by the
        logarithm of their ratio: near the minimiser of many rows."""
        totals = {y: float(masses @ (signs == y)) for y in (-1.0, 1.0)}
        shares = masses / np.where(signs > 0, totals[1.0], totals[-1.0])
        level = shares * sum(totals.values()) / 2
        norms = self.spectra.norms(self.ridge, 2 * signs * level, 0.0 * level, level)
        scores = norms.mean[: len(masses)]
        intercept = float(np.log(totals[1.0] / totals[-1.0]) - shares @ scores / 2)
        if self.intercept is not None:
            intercept = self.intercept
        return self._vector(intercept, norms, None)

    def _vector(self, intercept: Number, norms: Norms, rows: list[Averages] | None) -> AnyArray:
        xp = namespace(intercept, norms.mean, norms.noise)
        count = len(self.rows)
        noise = 1.0 if self.noise else _NO_NOISE
        var = norms.signal[:count] + noise * norms.noise[:count]
        parts = [
            xp.array([intercept]),
            norms.mean[:count],
            xp.log(xp.maximum(var, 1e-300)),
            xp.log(noise * norms.response[:count]),
        ]
        triples = []
        for seed in self.seeds:
            places = np.array(seed.clusters)
            if rows is None:
                means = seed.sign * (intercept + norms.mean[places])
                seconds, responses = means**2 + var[places], norms.response[places]
            else:
                means, seconds, responses = (
                    xp.array([getattr(rows[k], name) for k in seed.clusters])
                    for name in ("mean", "second", "response")
                )
            mean = seed.shares @ means
            spread = xp.maximum(seed.shares @ seconds - mean**2, 1e-300)
            triples.append((mean, xp.log(spread), xp.log(seed.shares @ responses)))
        parts += list(xp.array(triples).reshape(-1, 3).T)
        for g in self._pairs:
            for k in self.seeds[g].clusters:
                if rows is None:
                    mean = self.rows[k].sign * (intercept + norms.mean[k])
                    parts.append(mean + xp.sqrt(var[k]) * self.nodes.nodes)
                else:
                    parts.append(rows[k].margins)
        return xp.concatenate(parts)

    def _map(self, vector: AnyArray) -> AnyArray:
        try:
            with np.errstate(all="ignore"):
                state = self._step(vector)
                return self._vector(state.intercept, state.norms, state.rows)
        except (FloatingPointError, OverflowError):
            return np.full_like(vector, np.nan)

    def _partners(self, vector: AnyArray) -> dict[int, tuple[AnyArray, AnyArray]]:
        found, place = {}, self._slice(6).start
        for g in self._pairs:
            group_seeds = self.seeds[g]
            size = len(group_seeds.clusters) * len(self.nodes.nodes)
            margins = vector[place : place + size]
            place += size
            masses = np.concatenate([share * self.nodes.weights for share in group_seeds.shares])
            found[g] = margins, masses
        return found

    def _drawn(self, part: Drawn, vector: AnyArray) -> tuple[Averages, float]:
        """Averages over synthetic rows, in margins, and what a spring or field is divided by."""
        xp = namespace(vector)
        mean = vector[self._slice(3)][part.group]
        law = ((1.0, part.weight / part.number),)
        if part.kind == "known":
            var, response = (xp.exp(vector[self._slice(j)][part.cluster]) for j in (1, 2))
            return unit_averages(self.loss, law, mean, var, response, self.nodes), 1.0
        variances, responses = (xp.exp(vector[self._slice(j)]) for j in (4, 5))
        counts = np.array([self.seeds[g].number for g in part.within])
        freedom = float(counts.sum() - len(counts))
        places = np.array(part.within)
        var = part.factor * ((counts - 1) @ variances[places]) / freedom
        response = part.factor * (counts @ responses[places]) / freedom
        return unit_averages(self.loss, law, mean, var, response, self.nodes), freedom

    def _step(self, vector: AnyArray) -> State:
        xp = namespace(vector)
        count, intercept = len(self.rows), vector[0]
        mean, log_var, log_response = (vector[self._slice(j)] for j in range(3))
        var, response = xp.exp(log_var), xp.exp(log_response)
        tilt, spring, field, smear = ([0.0] * len(self.seeds) for _ in range(4))
        pull, spread, stiff = ([0.0] * count for _ in range(3))
        partners, drawn = self._partners(vector), {}
        starts = {
            k: partners[g][0].reshape(-1, len(self.nodes.nodes))[j]
            for g in (partners if self.quick else ())
            for j, k in enumerate(self.seeds[g].clusters)
        }
        for place, part in enumerate(self.drawn):
            seeds = self.seeds[part.group]
            if part.kind == "pairs":
                smear[part.group] += part.weight / seeds.number
                continue
            drawn[place], freedom = self._drawn(part, vector)
            felt = drawn[place]
            more = added(part, felt, seeds.number, freedom)
            tilt[part.group] += more.tilt
            if part.kind == "known":
                spread[part.cluster] = felt.square * part.weight**2 / part.number
                stiff[part.cluster] = felt.stiffness * part.weight
                continue
            for g in part.within:
                spring[g] += more.spring
                field[g] += more.field
        centres = vector[self._slice(3)]
        group_of = {k: g for g, seed in enumerate(self.seeds) for k in seed.clusters}
        known = {part.cluster for part in self.drawn if part.kind == "known"}
        rows: list[Averages] = []
        for k, cluster in enumerate(self.rows):
            if k in known:
                rows.append(drawn[next(j for j, p in enumerate(self.drawn) if p.cluster == k)])
                continue
            if cluster.many:
                found = unit_averages(
                    self.loss,
                    ((1.0, 0.0),),
                    cluster.sign * (intercept + mean[k]),
                    var[k],
                    response[k],
                    self.nodes,
                )
                rows.append(found)
                pull[k] = cluster.total * cluster.sign * found.force
                stiff[k] = cluster.total * found.stiffness
                continue
            potential, group = Potential(cluster.laws), group_of.get(k)
            if group is not None:
                potential = Potential(
                    laws=cluster.laws,
                    tilt=tilt[group],
                    spring=spring[group],
                    centre=centres[group],
                    field=field[group],
                    smear=smear[group],
                    partners=partners.get(group),
                )
            found = averages(
                self.loss,
                potential,
                cluster.sign * (intercept + mean[k]),
                var[k],
                response[k],
                self.nodes,
                starts.get(k, self.near.get(k)),
                k in starts,
            )
            if xp is np:
                self.near[k] = found.margins  # where Newton's method begins next
            rows.append(found)
            pull[k] = cluster.number * cluster.sign * found.force
            spread[k], stiff[k] = cluster.number * found.square, cluster.number * found.stiffness
        if self.intercept is None:
            intercept = intercept + xp.clip(sum(pull) / xp.maximum(sum(stiff), 1e-300), -2.0, 2.0)
        else:
            intercept = self.intercept
        if not self.noise:
            spread = [0.0] * count
        forces = (np.array(spread) if not self.noise else xp.array(spread), xp.array(stiff))
        norms = self.spectra.norms(self.ridge, xp.array(pull), *forces)
        return State(intercept, norms, rows, drawn)


class Added(NamedTuple):
    """What synthetic rows add to a seed's potential: tilt, spring and variance of the field."""

    tilt: Number
    spring: Number
    field: Number


def added(part: Drawn, averages: Averages, count: float, freedom: float) -> Added:
    """What drawn rows add to the potentials of the seeds that their law was fitted on.

    Args:
        part: the rows; averages: their averages, per unit of weight.
        count: seeds whose mean they have; freedom: degrees of freedom of their covariance.
    """
    return Added(
        part.weight * averages.force / count,
        part.factor * part.weight * averages.stiffness / freedom,
        part.factor * part.weight**2 / part.number * averages.square / freedom,
    )
