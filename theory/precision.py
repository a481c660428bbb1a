"""The precision that the theory computes in: float64, which JAX has off by default."""

import jax

__all__ = ["require_float64"]


def require_float64(name: str) -> None:
    """Raise unless JAX computes in float64.

    Statement: the closed forms are accurate to about ten digits in float64 and to three or four
    in float32, where differences of risks drown in rounding. Nothing here switches the precision
    on at import, because that would change it for the whole process of whoever imports us.

    Args:
        name: the function that needs float64, for the message.

    Raises:
        RuntimeError: if ``jax_enable_x64`` is off.

    Example:
        >>> import jax
        >>> with jax.enable_x64(False):
        ...     require_float64("theory.risk")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
            ...
        RuntimeError: theory.risk computes in float64, but JAX is in float32. ...
    """
    if not jax.config.read("jax_enable_x64"):
        raise RuntimeError(
            f"{name} computes in float64, but JAX is in float32. Turn float64 on before the first "
            'array is made: jax.config.update("jax_enable_x64", True), or set JAX_ENABLE_X64=1 '
            "in the environment."
        )
