"""Weighted empirical risk minimisation of a linear score, safe in batches.

Newton's method with two certificates in place of loss evaluations. With ``M`` a bound on the change
of any sample's score along the Newton direction ``delta``, ``sum_j |delta_j| max_i |x_ij|``, the
logistic loss has ``|phi'''| <= M phi''`` along that line, hence

    phi(t) <= phi(0) + phi'(0) (t - (exp(M t) - M t - 1) / M**2),

so a step with a positive bracket (every ``t <= log(1 + M)/M``, and ``t = 1`` while ``M < 1.79``)
cannot raise the loss. Nor can any step at whose end the slope along ``delta`` is not positive yet,
by convexity. A step with neither certificate is halved until it has one.

Stopping looks at ``M`` relative to the same bound on the scores: on separable data the gradient
vanishes as the parameters run away, but steps stay of order 1. Data separated by an iterate (all
margins of rows with weight positive) have no minimiser: reported as ``separated``, never as
converged.

With many parameters a Hessian costs many gradients. There the steps from a start that is given are
quasi-Newton (BFGS from one inverse Hessian), and Newton's method goes on where they end without
having converged.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from synthetic_oversampling.theory.population.margins import LOGISTIC, SQUARED, Loss

__all__ = ["FitResult", "empirical_gradient", "fit"]

_FEW = 8  # parameters, up to which the products of features are kept instead of multiplied anew
_NEAR = 20  # gradients of the quasi-Newton steps


class FitResult(NamedTuple):
    """Outcome of `fit`: finite parameters always, trustworthy when `converged`.

    Attributes:
        theta: ``[p]``, intercept first; the last finite iterate when not converged.
        converged: the minimiser was found to about the square root of the precision, squared by
            one further quadratically convergent step.
        separated: an iterate separates the labels, so that no minimiser exists.
        steps: evaluations of gradient and Hessian.
    """

    theta: Float[Array, " p"]
    converged: Bool[Array, ""]
    separated: Bool[Array, ""]
    steps: Int[Array, ""]


def signed_columns(x, sign):
    """``sign * (1, x)`` of ``x [d, rows]``, so that ``theta @ columns`` are margins: ``[p, rows]``.

    The long axis is last, where a loop over it is one vector instruction after another.
    """
    return jnp.concatenate([jnp.ones_like(sign)[None], x], axis=0) * sign[None]


def empirical_gradient(
    theta: Float[Array, " p"],
    x: Float[Array, "rows d"],
    sign: Float[Array, " rows"],
    weight: Float[Array, " rows"],
    *,
    loss: Loss = LOGISTIC,
) -> Float[Array, " p"]:
    """Gradient of ``sum_i weight_i loss(sign_i (b + w . x_i))``, for control variates.

    Args:
        theta: intercept first.
        x, sign, weight: features, labels -1 or 1, and weights of the rows.
        loss: logistic or squared.

    Example:
        >>> import jax.numpy as jnp
        >>> one = jnp.ones(1)
        >>> empirical_gradient(jnp.zeros(2), jnp.ones((1, 1)), one, one).tolist()
        [-0.5, -0.5]
    """
    columns = signed_columns(x.T, sign)
    return columns @ _slope(theta @ columns, weight, loss)


def _slope(margin, weight, loss: Loss):
    """``weight * loss'(margin)``, without its underflow for large losses."""
    if loss == LOGISTIC:
        return -weight * jax.nn.sigmoid(-margin)
    return weight * (margin - 1.0)


def _solve(hessian, gradient):
    """Newton direction and whether the Hessian is numerically positive definite."""
    scale = jnp.sqrt(jnp.maximum(jnp.diagonal(hessian), jnp.finfo(hessian.dtype).tiny))
    unit = hessian / (scale[:, None] * scale[None, :])  # diagonal 1: scale-free pivots
    if len(unit) > _FEW:
        root = jnp.linalg.cholesky(unit, symmetrize_input=False)
        pivots = jnp.diagonal(root) ** 2
        half = jax.scipy.linalg.solve_triangular(root, -gradient / scale, lower=True)
        move = jax.scipy.linalg.solve_triangular(root, half, lower=True, trans=1)
    else:
        move, pivots = _eliminate(unit, -gradient / scale)
    noise = 4 * hessian.shape[0] * jnp.finfo(hessian.dtype).eps
    definite = jnp.all(pivots > noise)  # False for NaN as well
    return move / scale, definite


def _eliminate(matrix, right):
    """Gauss-Jordan elimination of a small positive definite system, and its pivots.

    Written out, it is a few fused operations over a whole batch instead of a library call per
    member.
    """
    table = jnp.concatenate([matrix, right[:, None]], axis=1)
    pivots = []
    for j in range(len(matrix)):
        pivots.append(table[j, j])
        row = table[j] / table[j, j]
        others = np.arange(len(matrix)) != j
        table = jnp.where(others[:, None], table - table[:, j, None] * row[None], row[None])
    return table[:, -1], jnp.stack(pivots)


def fit(
    x: Float[Array, "rows d"],
    sign: Float[Array, " rows"],
    weight: Float[Array, " rows"],
    *,
    loss: Loss = LOGISTIC,
    start: Float[Array, " p"] | None = None,
    metric: Float[Array, "p p"] | None = None,
    max_steps: int | Int[Array, ""] = 60,
) -> FitResult:
    """Minimise ``sum_i weight_i loss(sign_i (b + w . x_i))`` over ``theta = (b, w)``.

    Statement: for the logistic loss, every accepted step lowers the loss, and at ``converged`` the
    last step changed no score by more than ``2 sqrt(eps)`` relatively, so that by quadratic
    convergence the error is of the order of rounding. With more than eight parameters most fits
    end after quasi-Newton steps, of which the last changed no score by more than ``eps**0.6``
    relatively; as these converge superlinearly, the error is a small part of that. For the squared
    loss the normal equations are solved once. Fixed shapes: vmap over replicates, jit once.

    Args:
        x: features ``[rows, d]``, float64 or float32.
        sign: labels as +-1 ``[rows]``.
        weight: non-negative ``[rows]``; rows of weight 0 are ignored altogether.
        loss: `LOGISTIC`, or `SQUARED` (half squared error against labels +-1).
        start: first iterate ``[p]``; the population minimiser saves steps. Zero when omitted.
        metric: about the inverse of the Hessian at the start ``[p, p]``, for more than eight
            parameters: one that all replicates share saves each of them a Hessian.
        max_steps: evaluations of gradient and Hessian at most; quasi-Newton steps, of which there
            are 20 at most, do not count.

    Returns:
        A `FitResult`. ``theta`` is finite in every case.

    Raises:
        ValueError: for a loss other than these two.

    Example:
        >>> import jax.numpy as jnp
        >>> x = jnp.asarray([[0.0], [1.0], [2.0], [3.0]])
        >>> sign = jnp.asarray([-1.0, 1.0, -1.0, 1.0])
        >>> result = fit(x, sign, jnp.full(4, 0.25))
        >>> bool(result.converged), round(float(result.theta[1]), 6)
        (True, 0.908184)
        >>> bool(fit(x[:2], sign[:2], jnp.full(2, 0.5)).separated)
        True
    """
    check_loss(loss)
    columns = signed_columns(x.T, sign)
    guided = start is not None and len(columns) > _FEW
    if start is None:
        start = jnp.zeros(columns.shape[0], columns.dtype)
    start = jnp.where(jnp.all(jnp.isfinite(start)), start, 0.0).astype(columns.dtype)
    evaluate = evaluation(columns, weight, loss)
    if loss == SQUARED:
        return least_squares(evaluate, start)
    largest = extent(columns, weight)
    if not guided:
        return newton(evaluate, largest, start, max_steps)
    near = _quasi_newton(evaluate, columns, weight, largest, start, metric)
    settled = near.converged | near.separated

    def risk(theta):
        return jnp.sum(weight * jax.nn.softplus(-(theta @ columns)))

    better = settled | (risk(near.theta) <= risk(start))
    last = newton(
        evaluate, largest, jnp.where(better, near.theta, start), max_steps, settled=settled
    )
    return FitResult(
        theta=last.theta,
        converged=near.converged | (~settled & last.converged),
        separated=near.separated | (~settled & last.separated),
        steps=near.steps + last.steps,
    )


def check_loss(loss: Loss) -> None:
    """Raise for a loss that `fit` cannot minimise."""
    if loss not in (LOGISTIC, SQUARED):
        raise ValueError(
            f"loss: got {loss!r}, expected theory.LOGISTIC or SQUARED; only for these are the "
            "step certificates proved."
        )


def _sums(columns):
    """``(slope, curvature)`` of rows ``->`` sums: gradient ``[p]`` and Hessian ``[p, p]``.

    For few columns from products made once: of matrices this small, a product with a vector costs
    a third of a product of matrices. For many, one product of matrices gives both.
    """
    size = len(columns)
    if size > _FEW:

        def joined(slope, curvature):
            both = columns @ jnp.concatenate([columns * curvature[None], slope[None]]).T
            return both[:, -1], both[:, :-1]

        return joined
    upper = np.triu_indices(size)
    # copied first, multiplied then: a product of rows picked on the way is several times slower
    left, right = jax.lax.optimization_barrier([columns[rows] for rows in upper])
    products = left * right
    place = np.zeros((size, size), np.int32)
    place[upper] = place[upper[::-1]] = np.arange(len(products))
    return lambda slope, curvature: (columns @ slope, (products @ curvature)[place])


def extent(columns, weight):
    """Largest absolute value of every column with weight, ``[p]``: bounds changes of scores."""
    return jnp.max(jnp.where(weight[None] > 0, jnp.abs(columns), 0.0), axis=1)


def evaluation(columns, weight, loss: Loss = LOGISTIC):
    """``theta -> (gradient, Hessian, whether a margin is not positive)``, sums over the rows."""
    sums = _sums(columns)

    def squared(theta):
        residual = theta @ columns - 1.0
        return *sums(weight * residual, weight), jnp.ones((), bool)

    def logistic(theta):
        margin = theta @ columns
        # both sigmoids of a margin from one exponential, each to its own relative precision
        decay = jnp.exp(-jnp.abs(margin))
        larger = 1.0 / (1.0 + decay)
        smaller = decay * larger
        slope = -weight * jnp.where(margin > 0, smaller, larger)
        missed = jnp.any((margin <= 0) & (weight > 0))
        return *sums(slope, weight * (smaller * larger)), missed

    return squared if loss == SQUARED else logistic


def least_squares(evaluate, start) -> FitResult:
    """The minimiser of a quadratic, from one `evaluation`."""
    gradient, hessian, _ = evaluate(start)
    move, definite = _solve(hessian, gradient)
    theta = start + move
    converged = definite & jnp.all(jnp.isfinite(theta))
    return FitResult(
        jnp.where(converged, theta, start),
        converged,
        jnp.zeros((), bool),
        jnp.ones((), jnp.int32),
    )


class _State(NamedTuple):
    theta: Array  # last accepted point
    move: Array  # Newton direction from it
    scale: Array  # step length being tried
    change: Array  # M along `move`
    converged: Array
    separated: Array
    failed: Array
    steps: Array


def newton(evaluate, largest, start, max_steps, *, settled=False) -> FitResult:
    """The minimiser of the logistic loss, from its `evaluation` and its rows' `extent`.

    Where ``settled`` nothing is done, and the start returned.
    """
    tolerance = 2 * float(jnp.finfo(start.dtype).eps) ** 0.5

    def running(state: _State):
        over = state.converged | state.separated | state.failed
        return ~over & (state.steps < max_steps)

    def advance(state: _State) -> _State:
        trial = state.theta + state.scale * state.move
        gradient, hessian, missed = evaluate(trial)
        finite = jnp.all(jnp.isfinite(gradient))
        separated = ~missed
        # the two certificates of descent for the step just tried
        shift = jnp.minimum(state.change * state.scale, 50.0)
        bound = jnp.expm1(shift) - shift < state.scale * state.change**2
        accepted = finite & ((gradient @ state.move <= 0) | bound | (state.steps == 0))

        move, definite = _solve(hessian, gradient)
        change = jnp.abs(move) @ largest
        usable = definite & jnp.isfinite(change)
        small = accepted & usable & (change <= tolerance * (1.0 + jnp.abs(trial) @ largest))
        last = trial + jnp.where(small, move, 0.0)
        return _State(
            theta=jnp.where(accepted, last, state.theta),
            move=jnp.where(accepted & usable, move, jnp.where(accepted, 0.0, state.move)),
            scale=jnp.where(accepted, 1.0, state.scale / 2),
            change=jnp.where(accepted, change, state.change),
            converged=small & ~separated,
            separated=accepted & separated,
            failed=(accepted & ~usable) | (~finite & (state.steps == 0)),
            steps=state.steps + 1,
        )

    zero, one = jnp.zeros((), start.dtype), jnp.ones((), start.dtype)
    no = jnp.zeros((), bool)
    initial = _State(
        theta=start,
        move=jnp.zeros_like(start),
        scale=one,
        change=zero,
        converged=jnp.asarray(settled),
        separated=no,
        failed=no,
        steps=jnp.int32(0),
    )
    state = jax.lax.while_loop(running, advance, initial)
    return FitResult(state.theta, state.converged, state.separated, state.steps)


class _Near(NamedTuple):
    theta: Array
    gradient: Array
    inverse: Array  # of the Hessian, by BFGS
    move: Array  # the step being tried
    converged: Array
    separated: Array
    failed: Array
    steps: Array


def _quasi_newton(evaluate, columns, weight, largest, start, metric) -> FitResult:
    """BFGS steps of full length from an inverse Hessian; not converged where one of them fails.

    A step fails that does not shrink the slope along itself. The last one has to be small by the
    first inverse too, so that an update gone wrong is no convergence.
    """
    tolerance = float(jnp.finfo(start.dtype).eps) ** 0.6

    def gradient_of(theta):
        margin = theta @ columns
        return columns @ _slope(margin, weight, LOGISTIC), jnp.any((margin <= 0) & (weight > 0))

    if metric is None:
        gradient, hessian, _ = evaluate(start)
        first, definite = _inverse(hessian)
    else:
        gradient, _ = gradient_of(start)
        first, definite = metric.astype(start.dtype), jnp.ones((), bool)
    move = -first @ gradient

    def running(state: _Near):
        return ~(state.converged | state.separated | state.failed) & (state.steps < _NEAR)

    def advance(state: _Near) -> _Near:
        trial = state.theta + state.move
        gradient, missed = gradient_of(trial)
        before, after = state.gradient @ state.move, gradient @ state.move
        accepted = jnp.all(jnp.isfinite(gradient)) & (jnp.abs(after) < -before)
        bend = gradient - state.gradient
        turned = state.inverse @ bend
        rate = 1.0 / jnp.where(accepted, after - before, 1.0)
        cross = jnp.outer(turned, state.move)
        inverse = (
            state.inverse
            + (1.0 + rate * (bend @ turned)) * rate * jnp.outer(state.move, state.move)
            - rate * (cross + cross.T)
        )
        move = -inverse @ gradient
        scores = 1.0 + jnp.abs(trial) @ largest
        small = jnp.abs(move) @ largest <= tolerance * scores
        small &= jnp.abs(first @ gradient) @ largest <= 100 * tolerance * scores
        small &= accepted
        return _Near(
            theta=jnp.where(accepted, trial + jnp.where(small, move, 0.0), state.theta),
            gradient=gradient,
            inverse=inverse,
            move=move,
            converged=small & missed,
            separated=accepted & ~missed,
            failed=~accepted,
            steps=state.steps + 1,
        )

    no = jnp.zeros((), bool)
    initial = _Near(
        theta=start,
        gradient=gradient,
        inverse=first,
        move=move,
        converged=no,
        separated=no,
        failed=~(definite & jnp.all(jnp.isfinite(move))),
        steps=jnp.int32(1),
    )
    state = jax.lax.while_loop(running, advance, initial)
    return FitResult(state.theta, state.converged, state.separated, state.steps)


def _inverse(hessian):
    """The inverse, and whether the Hessian is numerically positive definite."""
    scale = jnp.sqrt(jnp.maximum(jnp.diagonal(hessian), jnp.finfo(hessian.dtype).tiny))
    root = jnp.linalg.cholesky(hessian / jnp.outer(scale, scale), symmetrize_input=False)
    eye = jnp.eye(len(hessian), dtype=hessian.dtype)
    half = jax.scipy.linalg.solve_triangular(root, eye, lower=True)
    noise = 4 * len(hessian) * jnp.finfo(hessian.dtype).eps
    return half.T @ half / jnp.outer(scale, scale), jnp.all(jnp.diagonal(root) ** 2 > noise)
