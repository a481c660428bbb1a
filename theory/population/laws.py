"""Labelled Gaussian mixtures: the one kind of law that groups and generators have here.

A *law* is a mixture of Gaussian components, each carrying a label. Groups, every synthetic
generator with a closed form, and any weighted combination of them (`mix`) are laws, so one risk,
one gradient, one Hessian and one minimiser (`theory.population.groups`) serve them all.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float

from synthetic_oversampling.theory.arrays import ArrayLike, OptionalArrayLike
from synthetic_oversampling.theory.population.design import is_real
from synthetic_oversampling.theory.population.margins import library
from synthetic_oversampling.theory.precision import require_float64
from synthetic_oversampling.theory.wording import counted

__all__ = [
    "GaussianGroup",
    "Law",
    "balanced_law",
    "halves",
    "law_of",
    "mix",
    "real_array",
    "require_groups",
    "stack",
]


_MOST_CLASSES = 1000


class Law(NamedTuple):
    """A labelled Gaussian mixture: component weights, means, covariances and label signs.

    Attributes:
        weights: ``[..., K]``, non-negative, summing to the law's total mass (1 for a probability).
        means: ``[..., K, d]``.
        covs: ``[..., K, d, d]``; a zero matrix is a point mass.
        signs: ``[..., K]``, +1 for label 1 and -1 for label 0; ``2 label - 1`` for more classes,
            which `theory.multiclass` reads and everything else refuses.

    Of NumPy arrays where it is written down from a group or a generator, so that no small program
    is compiled for it; of JAX arrays where it is computed. Every function here takes both.
    """

    weights: Array | np.ndarray
    means: Array | np.ndarray
    covs: Array | np.ndarray
    signs: Array | np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class GaussianGroup:
    """One group: features from a Gaussian or a Gaussian mixture, and one class label.

    Its arrays are copies of those given, and read-only. Two groups are equal only if they are the
    same object.

    Args:
        mean: component means, ``[d]`` or ``[K, d]``.
        cov: covariances, ``[d, d]`` (shared by all components) or ``[K, d, d]``; symmetric and
            positive semi-definite.
        label: class label, 0 or 1; for `theory.predict_multiclass` 0 to K - 1.
        attribute: value of a spurious attribute, if the groups are label x attribute.
        weights: mixture weights ``[K]``, positive, summing to 1; uniform when omitted.
        name: how the group is called in tables; derived from label and attribute when omitted.

    Raises:
        ValueError: naming the argument, what was got, what is expected, and what to do.

    Example:
        >>> group = GaussianGroup(mean=[1.5, 0.5], cov=[[1.0, 0.0], [0.0, 1.0]], label=1)
        >>> group.dim, group.name
        (2, 'y=1')
    """

    mean: ArrayLike
    cov: ArrayLike
    label: int
    attribute: int | None = None
    weights: OptionalArrayLike = None
    name: str | None = None

    def __post_init__(self):
        mean = real_array("mean", self.mean)
        cov = real_array("cov", self.cov)
        if mean.ndim not in (1, 2) or 0 in mean.shape:
            raise ValueError(
                f"mean: got shape {mean.shape}, expected [d] or [K, d] with d, K >= 1; "
                "pass one row per mixture component."
            )
        means = np.atleast_2d(mean)
        components, dim = means.shape
        if cov.shape not in ((dim, dim), (components, dim, dim)):
            raise ValueError(
                f"cov: got shape {cov.shape}, expected {(dim, dim)} or {(components, dim, dim)} "
                f"to match mean of shape {mean.shape}; give one [d, d] matrix per component."
            )
        covs = np.broadcast_to(cov, (components, dim, dim)).copy()
        for k, matrix in enumerate(covs):
            _check_covariance(matrix, f"cov (component {k})" if components > 1 else "cov")
        if not is_real(self.label) or not 0 <= self.label < _MOST_CLASSES or self.label % 1:
            raise ValueError(
                f"label: got {self.label!r}, expected 0 or 1, or one of 0 to K - 1 for K classes; "
                "recode the classes as 0, 1, ..."
            )
        if self.weights is None:
            weights = np.full(components, 1.0 / components)
        else:
            weights = real_array("weights", self.weights)
            if weights.shape != (components,) or np.any(weights <= 0):
                raise ValueError(
                    f"weights: got {self.weights!r}, expected {components} positive mixture "
                    "weights, one per row of mean; drop components of weight 0."
                )
            if abs(weights.sum() - 1.0) > 1e-8:
                raise ValueError(
                    f"weights: got a sum of {weights.sum()!r}, expected 1; divide by the sum."
                )
        name = self.name
        if name is None:
            name = f"y={int(self.label)}"
            if self.attribute is not None:
                name += f",s={self.attribute}"
        for field, array in (("mean", means), ("cov", covs), ("weights", weights)):
            array.setflags(write=False)  # what was made from a group is kept by the group
            object.__setattr__(self, field, array)
        object.__setattr__(self, "label", int(self.label))
        object.__setattr__(self, "name", name)

    @property
    def dim(self) -> int:
        """Number of features ``d``."""
        return self.mean.shape[1]

    @property
    def sign(self) -> float:
        """``2 label - 1``: of two classes the label as +1 or -1."""
        return 2.0 * self.label - 1.0

    @property
    def law(self) -> Law:
        """The group as a `Law` of float64 arrays on the host."""
        require_float64("GaussianGroup.law")
        return Law(self.weights, self.mean, self.cov, np.full(len(self.weights), self.sign))

    def overall_mean_cov(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean ``[d]`` and covariance ``[d, d]`` of the whole group."""
        if len(self.weights) == 1:
            return self.mean[0], self.cov[0]
        mean = self.weights @ self.mean
        centred = self.mean - mean
        between = np.einsum("k,ki,kj->ij", self.weights, centred, centred)
        return mean, np.einsum("k,kij->ij", self.weights, self.cov) + between


def real_array(name: str, value) -> np.ndarray:
    """A copy as float64, of what holds finite numbers, neither text nor truth values.

    Args:
        name: of the argument; value: what was given.

    Raises:
        ValueError: naming the argument.
    """
    try:
        if np.asarray(value).dtype.kind in "bSU":
            raise TypeError("text and truth values are no numbers")
        array = np.array(value, dtype=np.float64)  # a copy: a group keeps what it was made from
    except (TypeError, ValueError) as error:
        raise ValueError(
            f"{name}: got {value!r}, expected real numbers in a rectangular array ({error})."
        ) from None
    if not np.all(np.isfinite(array)):
        raise ValueError(f"{name}: got NaN or infinity in {value!r}, expected finite numbers.")
    return array


def _check_covariance(matrix: np.ndarray, name: str) -> None:
    scale = max(float(np.max(np.abs(matrix))), np.finfo(float).tiny)
    asymmetry = float(np.max(np.abs(matrix - matrix.T)))
    if asymmetry > 1e-10 * scale:
        raise ValueError(
            f"{name}: got a matrix that is not symmetric (largest difference {asymmetry:.3g}), "
            "expected a covariance; symmetrise it with (cov + cov.T) / 2."
        )
    smallest = float(np.linalg.eigvalsh(matrix)[0])
    if smallest < -1e-10 * scale:
        raise ValueError(
            f"{name}: got smallest eigenvalue {smallest:.6g}, expected a positive semi-definite "
            "matrix; check its entries, or clip the negative eigenvalues to zero."
        )


def require_groups(groups) -> None:
    """Raise unless these are groups, in a list or a tuple.

    Args:
        groups: what was given.

    Raises:
        ValueError: saying which is none.
    """
    if not isinstance(groups, list | tuple) or isinstance(groups, Law):
        raise ValueError(f"groups: got {groups!r}, expected a list of theory.GaussianGroup.")
    for g, group in enumerate(groups):
        if not isinstance(group, GaussianGroup):
            raise ValueError(
                f"groups: got a {type(group).__name__} in place {g}, expected a "
                "theory.GaussianGroup; make it with GaussianGroup(mean, cov, label)."
            )


def law_of(source: GaussianGroup | Law) -> Law:
    """The `Law` of a group, or the law itself, checked as far as it is not traced.

    Args:
        source: a group, or one law ``[K, ...]``.

    Raises:
        ValueError: for anything else, shapes that do not agree, and, of arrays on the host, values
            that no law has.
    """
    if isinstance(source, GaussianGroup):
        if source.label > 1:
            raise ValueError(
                f"label: got {source.label}, expected 0 or 1; for more than two classes use "
                "theory.predict_multiclass."
            )
        return source.law
    if not isinstance(source, Law):
        raise ValueError(
            f"law: got {type(source).__name__}, expected a Law or a GaussianGroup; for several "
            "groups take theory.balanced_law(groups), or theory.mix with weights."
        )
    shapes = [np.shape(part) for part in source]
    k, d = (shapes[1] + (0, 0))[:2]
    if shapes != [(k,), (k, d), (k, d, d), (k,)]:
        raise ValueError(
            f"law: got weights, means, covs and signs of shapes {shapes}, expected [K], [K, d], "
            "[K, d, d] and [K]; map over stacked laws with jax.vmap."
        )
    if all(isinstance(part, np.ndarray) for part in source):
        _check_values(source)
    return source


def _check_values(law: Law) -> None:
    for name, part in zip(law._fields, law, strict=True):
        if not np.all(np.isfinite(part)):
            raise ValueError(f"law: got NaN or infinity in its {name}, expected finite numbers.")
    if np.any(law.weights < 0) or not np.any(law.weights > 0):
        raise ValueError(
            f"law: got weights {law.weights}, expected none below 0 and one above 0; a component "
            "of weight 0 counts for nothing."
        )
    if np.any((np.abs(law.signs) != 1) & (law.weights > 0)):
        raise ValueError(f"law: got signs {law.signs}, expected +1 (label 1) or -1 (label 0).")
    if np.any(np.diagonal(law.covs, axis1=-2, axis2=-1) < 0):
        raise ValueError("law: got a negative variance in its covs, expected covariance matrices.")


def mix(
    weights: Float[Array, " n"] | Sequence[float | int], laws: Sequence[GaussianGroup | Law]
) -> Law:
    """The weighted combination of laws, itself a law: risks add with the same weights.

    Args:
        weights: ``[n]``, non-negative; laws of weight 0 may be present.
        laws: ``n`` laws of the same dimension; a group stands for its law.

    Raises:
        ValueError: naming the argument.
    """
    laws = _laws("laws", laws)
    if len(weights) != len(laws):
        raise ValueError(
            f"weights: got {len(weights)} for {counted(len(laws), 'law')}, expected one for each."
        )
    if not isinstance(weights, jax.core.Tracer):
        values = real_array("weights", [np.asarray(weight) for weight in weights])
        if values.ndim != 1 or np.any(values < 0):
            raise ValueError(f"weights: got {weights!r}, expected finite numbers of at least 0.")
    scaled = [weights[i] * law.weights for i, law in enumerate(laws)]
    rest = zip(*(law[1:] for law in laws), strict=True)
    xp = library(*scaled, *(part for law in laws for part in law))
    return Law(xp.concatenate(scaled), *(xp.concatenate(parts) for parts in rest))


def _laws(name: str, sources) -> list[Law]:
    """Laws of one dimension, from groups or laws."""
    if isinstance(sources, GaussianGroup | Law) or not isinstance(sources, Iterable):
        raise ValueError(f"{name}: got {sources!r}, expected a list of groups or laws.")
    laws = [law_of(source) for source in sources]
    dims = [law.means.shape[-1] for law in laws]
    if len(set(dims)) != 1:
        raise ValueError(
            f"{name}: got {len(laws)} of dimensions {dims}, expected at least one, and the same "
            "number of features in all."
        )
    return laws


def balanced_law(groups: Sequence[GaussianGroup | Law]) -> Law:
    """The law of the balanced risk ``R_bal = (1/G) sum_g R_g``.

    Args:
        groups: ``G`` groups, or laws of mass 1, of the same dimension.

    Raises:
        ValueError: naming the argument.
    """
    laws = _laws("groups", groups)
    return mix([1.0 / len(laws)] * len(laws), laws)


def stack(laws: Sequence[GaussianGroup | Law], size: int | None = None) -> Law:
    """Laws as one law with a leading axis ``[G]``; short mixtures get components of weight 0.

    Args:
        laws: ``G`` laws of the same dimension; a group stands for its law.
        size: components each law is padded to; the longest law's when None.

    Raises:
        ValueError: naming the argument.
    """
    laws = _laws("laws", laws)
    longest = max(law.weights.shape[0] for law in laws)
    size = longest if size is None else size
    if size < longest:
        raise ValueError(f"size: got {size}, expected at least {longest}, the longest law's.")

    xp = library(*(part for law in laws for part in law))

    def padded(law: Law) -> Law:
        extra = size - law.weights.shape[0]
        if extra == 0:
            return law
        last = [xp.repeat(part[-1:], extra, axis=0) for part in law]
        last[0] = xp.zeros_like(last[0])
        return Law(*(xp.concatenate(pair) for pair in zip(law, last, strict=True)))

    return Law(*(xp.stack(parts) for parts in zip(*map(padded, laws), strict=True)))


def halves(laws: Law, room: int) -> tuple[Law, Law]:
    """The groups' and the generators' laws, from one stack ``[2 G, K, ...]`` of both.

    Args:
        laws: the groups', then the generators'.
        room: components that the groups' laws have at most.
    """
    count = len(laws.weights) // 2
    real = Law(*(part[:count, :room] for part in laws))
    return real, Law(*(part[count:] for part in laws))
