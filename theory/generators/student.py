"""A plug-in generator with heavy tails: Student's law with the seeds' mean and covariance."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy.special import gammainccinv, gammaincinv, lambertw

from synthetic_oversampling.theory.generators.gaussian import FittedGaussian
from synthetic_oversampling.theory.population.design import is_real

__all__ = ["StudentPlugin"]

_NODES, _TAILS = 24, (1e-10, 1e-16)
_MOST = 1e12


@dataclasses.dataclass(frozen=True)
class StudentPlugin(FittedGaussian):
    """Fits mean and covariance to the seeds and draws rows of a multivariate Student-t with them.

    A row is ``xbar + sqrt(W) S^{1/2} z`` with ``z`` normal and ``W = (nu - 2) / chi2_nu``, of mean
    1 and variance ``2 / (nu - 4)``: Student's law of ``nu`` degrees of freedom, centre ``xbar`` and
    scale matrix ``(nu - 2) / nu S``, whose covariance is ``S``. Given the seeds its population law
    is the Gaussian scale mixture ``N(mu, W Sigma)``, here a finite one; as ``nu`` grows it becomes
    that of `GaussianPlugin`.

    Args:
        degrees: ``nu``, above 4 (so that a row's Hessian has a variance) and at most 1e12.

    Raises:
        ValueError: for other degrees.

    Example:
        >>> shares, factors = StudentPlugin(6).mixing()
        >>> round(float(shares @ factors), 12), round(float(shares @ factors**2), 4)  # 4 / 2
        (1.0, 2.0)
    """

    degrees: int | float = 6.0
    name, label = "student", "Student plug-in"

    def __post_init__(self):
        if not is_real(self.degrees) or not 4 < self.degrees <= _MOST:
            raise ValueError(
                f"degrees: got {self.degrees!r}, expected a number above 4, at most {_MOST:g}; use "
                "GaussianPlugin() for more."
            )

    def mixing(self) -> tuple[np.ndarray, np.ndarray]:
        """Shares and values of ``W``, which stand for all of its values.

        With ``chi2 / 2 = e^y`` and ``y = s - e^{-s}`` the density of ``s`` falls off double
        exponentially, so that the trapezoidal rule has a relative error below 1e-8 in risks and
        their derivatives; the mean is made exactly 1. The mean of ``W^2`` itself, of which the
        tails are part, is 3e-6 low at ``nu = 6``.
        """
        shape = self.degrees / 2
        ends = np.log([gammaincinv(shape - 1, _TAILS[0]), gammainccinv(shape, _TAILS[1])])
        first, last = ends + lambertw(np.exp(-ends)).real
        s = np.linspace(first, last, _NODES)
        y = s - np.exp(-s)
        density = shape * (y - np.log(shape)) - np.expm1(y - np.log(shape)) * shape
        shares = np.exp(density - density.max()) * (1 + np.exp(-s))
        shares /= shares.sum()
        factors = np.exp(-y)
        return shares, factors / (shares @ factors)
