"""Clusters of rows for theorem H, and the linear algebra of their covariances in its cheapest form.

A cluster is ``n`` rows with one normal law, one label and one weight (or a law of weights). With
forces ``e``, second moments ``f`` and curvatures ``c`` of its rows' scores
(`theory.proportional.predict`),

    A = ridge I + sum_k n_k c_k S_k,   w = A^{-1} sum_k n_k e_k mu_k,   N = sum_k n_k f_k S_k,

and of every cluster's law there are needed ``mu.w``, ``w'S w``, ``tr(A^{-1} N A^{-1} S)`` and
``tr(A^{-1} S)``. Covariances that commute are diagonal in one basis, where all of it is sums over
the ``d`` eigenvalues; others cost a factorisation of ``A``.
"""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from synthetic_oversampling.theory.arrays import (
    AnyArray,
    ArrayLike,
    Number,
    namespace,
    number_of,
    traced,
    traced_number,
)
from synthetic_oversampling.theory.population.design import is_real
from synthetic_oversampling.theory.precision import require_float64

__all__ = ["Cluster", "Norms", "Spectra", "is_covariance"]

_ROUNDING = 1e-9  # of a covariance, relative to its largest entry
_COMMUTE = 1e-10  # of the largest eigenvalue: entries off the diagonal of a common basis


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class Cluster:
    """Rows with one normal law and one label.

    All but the label, and the probabilities of a law of weights, may be traced in a program of JAX,
    which checks shapes alone.

    Args:
        rows: ``n``, how many; any number above 0.
        mean: ``[d]``.
        cov: covariance: a number (times the identity), ``[d]`` (a diagonal) or ``[d, d]``.
        label: 0 or 1.
        weight: of each row's loss; or a law of independent weights, pairs (probability, weight).

    Raises:
        ValueError: naming the argument.

    Example:
        >>> Cluster(rows=600, mean=[-0.75, 0.0], cov=1.0, label=0).laws
        ((1.0, 1.0),)
    """

    rows: Number
    mean: ArrayLike
    cov: int | float | ArrayLike
    label: int
    weight: Number | Sequence = 1.0

    def __post_init__(self):
        rows = number_of(self.rows, "Cluster")
        if not traced_number(rows) and not (is_real(rows) and 0 < rows < math.inf):
            raise ValueError(f"rows: got {self.rows!r}, expected a positive finite number of rows.")
        mean, cov = (_array(getattr(self, name), name) for name in ("mean", "cov"))
        if mean.ndim != 1 or not mean.size or not (traced(mean) or np.all(np.isfinite(mean))):
            raise ValueError(f"mean: got {self.mean!r}, expected a vector of finite numbers [d].")
        shapes = ((), mean.shape, mean.shape * 2)
        if cov.shape not in shapes or not (traced(cov) or np.all(np.isfinite(cov))):
            raise ValueError(
                f"cov: got shape {cov.shape}, expected finite numbers of one of the shapes {shapes}"
            )
        if not traced(cov) and not is_covariance(cov):
            raise ValueError(
                "cov: got a matrix that is no covariance, expected one that is "
                "symmetric without negative eigenvalues."
            )
        if traced(self.label) or self.label not in (0, 1):
            raise ValueError(f"label: got {self.label!r}, expected 0 or 1.")
        _check_laws(self.laws)
        rows = rows if traced(rows) else float(rows)
        for name, value in (("rows", rows), ("mean", mean), ("cov", cov)):
            object.__setattr__(self, name, value)

    @property
    def sign(self) -> float:
        """The label as +1 or -1."""
        return 2.0 * self.label - 1.0

    @property
    def laws(self) -> tuple[tuple[float, Number], ...]:
        """The law of weights: pairs (probability, weight)."""
        given: Any = number_of(self.weight, "Cluster")
        pairs = ((1.0, given),) if traced_number(given) or is_real(given) else given
        try:
            return tuple((float(chance), _weight(weight)) for chance, weight in pairs)
        except (TypeError, ValueError):
            raise ValueError(
                f"weight: got {given!r}, expected a number, or pairs (probability, weight)."
            ) from None


def _weight(given) -> Number:
    value = number_of(given, "Cluster")
    return value if traced_number(value) else float(value)


def _array(given, name: str) -> AnyArray:
    inside = any(map(traced, jax.tree.leaves(given)))
    if inside:
        require_float64("Cluster")
    try:
        found = (jnp if inside else np).array(given)
        if jnp.iscomplexobj(found):
            raise TypeError
        return found.astype(np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name}: got {given!r}, expected real numbers.") from None


def is_covariance(cov: AnyArray) -> bool | AnyArray:
    """Whether an array is symmetric without negative eigenvalues, but for rounding.

    Args:
        cov: a number, ``[d]`` (a diagonal) or ``[d, d]``.
    """
    xp = namespace(cov)
    allowed = _ROUNDING * xp.max(xp.abs(cov))
    values = xp.linalg.eigvalsh(cov) if cov.ndim == 2 else cov
    return (xp.max(xp.abs(cov - cov.T)) <= allowed) & (xp.min(values) >= -allowed)


def _check_laws(laws) -> None:
    chances = [chance for chance, _ in laws]
    if any(not chance >= 0 for chance in chances) or abs(sum(chances) - 1) > 1e-9:
        raise ValueError(f"weight: got probabilities {chances}, expected them to sum to 1.")
    if any(not traced(weight) and not 0 <= weight < math.inf for _, weight in laws):
        raise ValueError(f"weight: got {laws!r}, expected weights of at least 0.")


def _is_diagonal(cov) -> bool:
    if traced(cov) or np.ndim(cov) < 2:
        return False
    return bool(np.count_nonzero(cov) == np.count_nonzero(np.diagonal(cov)))


class Norms(NamedTuple):
    """What a rule's law is made of, per cluster ``[K]``, and the rule's own.

    Attributes:
        mean: ``mu.w``; signal: ``w'S w``; noise: ``tr(A^{-1} N A^{-1} S)``; response:
            ``tr(A^{-1} S)``.
        rule: ``w``, in the basis of the spectra ``[d]``.
        square: ``|w|^2 + tr(A^{-1} N A^{-1})``, the squared norm of a fitted rule.
    """

    mean: AnyArray
    signal: AnyArray
    noise: AnyArray
    response: AnyArray
    rule: AnyArray
    square: Number


class Spectra:
    """Covariances ``scale_k C_j(k)`` of few shapes, in a common basis where there is one.

    Args:
        means: ``[K, d]``.
        covs: one for each, a number, ``[d]`` or ``[d, d]``.
    """

    means: AnyArray
    values: Any = None  # where the covariances commute, or `matrices`
    matrices: Any = None
    basis: AnyArray | None = None

    def __init__(self, means: Sequence[AnyArray] | AnyArray, covs: Sequence[AnyArray]):
        if namespace(*means, *covs) is not np:
            self._trace(means, covs)
            return
        self.means = np.array(means, dtype=np.float64)
        self.dim = self.means.shape[1]
        shapes: list[np.ndarray] = []
        self.scale, self.index = np.empty(len(covs)), np.empty(len(covs), dtype=int)
        for k, cov in enumerate(covs):
            twin = next((j for j in range(k) if np.array_equal(cov, covs[j])), None)
            if twin is not None:  # the usual case, and quicker than a look at shapes
                self.scale[k], self.index[k] = self.scale[twin], self.index[twin]
                continue
            size = float(np.mean(np.diagonal(cov)) if np.ndim(cov) == 2 else np.mean(cov))
            unit = np.asarray(np.asarray(cov) / size if size > 0 else 0.0)
            same = [
                j
                for j, known in enumerate(shapes)
                if known.shape == unit.shape and np.abs(known - unit).max() < 1e-13
            ]
            self.scale[k], self.index[k] = size, same[0] if same else len(shapes)
            if not same:
                shapes.append(unit)
        self._diagonalise(shapes)

    def _trace(self, means, covs) -> None:
        """Covariances of a program of JAX, which nothing is known of: each a shape of its own."""
        self.means = jnp.stack([jnp.asarray(mean) for mean in means])
        self.dim, count = self.means.shape[1], len(covs)
        self.scale, self.index = np.ones(count), np.arange(count)
        known = [np.diagonal(cov) if _is_diagonal(cov) else cov for cov in covs]
        flat = [cov if jnp.ndim(cov) == 2 else jnp.broadcast_to(cov, self.dim) for cov in known]
        if all(cov.ndim < 2 for cov in flat):
            self.values = jnp.stack(flat)
        else:
            self.matrices = jnp.stack([cov if cov.ndim == 2 else jnp.diag(cov) for cov in flat])

    def _diagonalise(self, shapes: list[np.ndarray]) -> None:
        full = [shape for shape in shapes if shape.ndim == 2]
        apart = [shape - np.diag(np.diagonal(shape)) for shape in full]
        if all(np.abs(part).max() == 0 for part in apart):
            self.values = np.stack([self._diagonal(shape) for shape in shapes])
            return
        every = [shape if shape.ndim == 2 else np.diag(self._diagonal(shape)) for shape in shapes]
        mixed = sum((1 + math.sqrt(j + 2)) * matrix for j, matrix in enumerate(every))
        basis = np.linalg.eigh(mixed)[1]
        turned = [basis.T @ matrix @ basis for matrix in every]
        if all(
            np.abs(matrix - np.diag(np.diagonal(matrix))).max() <= _COMMUTE * np.abs(matrix).max()
            for matrix in turned
        ):
            self.values = np.maximum([np.diagonal(matrix) for matrix in turned], 0.0)
            self.means, self.basis = self.means @ basis, basis
            return
        self.matrices = np.stack(every)
        self._turned = (
            np.maximum([np.diagonal(matrix) for matrix in turned], 0.0),
            self.means @ basis,
        )

    def coarse(self) -> Spectra:
        """The same with covariances that commute: diagonals in one basis, to begin from."""
        turned_copy = copy.copy(self)
        if turned_copy.matrices is not None:
            turned_copy.values, turned_copy.means = self._turned
            turned_copy.matrices = None
        return turned_copy

    def _diagonal(self, shape: np.ndarray) -> np.ndarray:
        return np.diagonal(shape) if shape.ndim == 2 else np.broadcast_to(shape, self.dim)

    def original(self, rule: AnyArray) -> AnyArray:
        """A rule in the features' own coordinates.

        Args:
            rule: in the spectra's basis ``[d]``.
        """
        return rule if self.basis is None else self.basis @ rule

    def _by_shape(self, numbers: AnyArray) -> AnyArray:
        place = np.arange(len(self.values if self.matrices is None else self.matrices))
        belongs = self.index[: len(numbers)] == place[:, None]
        return belongs.astype(float) @ (numbers * self.scale[: len(numbers)])

    def norms(self, ridge: Number, pull: AnyArray, spread: AnyArray, stiff: AnyArray) -> Norms:
        """The law of a rule, for every cluster; the first clusters are those with rows.

        Args:
            ridge: of the penalty.
            pull: ``n_k e_k``; spread: ``n_k f_k``; stiff: ``n_k c_k``, all ``[rows' clusters]``.

        Raises:
            FloatingPointError: where ``A`` is singular.
        """
        side = pull @ self.means[: len(pull)]
        compute = self._diagonal_norms if self.matrices is None else self._full_norms
        rule, signal, noise, response, trace = compute(
            ridge, side, self._by_shape(spread), self._by_shape(stiff)
        )
        by = self.scale
        return Norms(
            mean=self.means @ rule,
            signal=by * signal[self.index],
            noise=by * noise[self.index],
            response=by * response[self.index],
            rule=rule,
            square=rule @ rule + trace,
        )

    def _diagonal_norms(self, ridge, side, spread, stiff):
        inner = ridge + stiff @ self.values
        if not isinstance(inner, jax.Array) and not np.all(inner > 0):
            raise FloatingPointError("A is singular")
        rule, noise = side / inner, spread @ self.values / inner**2
        return (
            rule,
            self.values @ rule**2,
            self.values @ noise,
            self.values @ (1 / inner),
            noise.sum(),
        )

    def _full_norms(self, ridge, side, spread, stiff):
        xp = namespace(ridge, side, spread, stiff)
        inner = xp.tensordot(stiff, self.matrices, 1) + ridge * np.eye(self.dim)
        quiet = isinstance(spread, np.ndarray) and not np.any(spread)
        try:
            inverse = None if quiet else xp.linalg.inv(inner)
            rule = xp.linalg.solve(inner, side) if inverse is None else inverse @ side
        except np.linalg.LinAlgError:
            raise FloatingPointError("A is singular") from None
        signal = xp.stack([rule @ matrix @ rule for matrix in self.matrices])
        if inverse is None:  # of the population, without noise
            return rule, signal, np.zeros(len(signal)), np.ones(len(signal)), 0.0
        noise = inverse @ xp.tensordot(spread, self.matrices, 1) @ inverse
        flat = self.matrices.reshape(len(self.matrices), -1)
        return rule, signal, flat @ noise.ravel(), flat @ inverse.ravel(), xp.trace(noise)
