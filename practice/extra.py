"""What a reader sees who lacks the extra ``practice``: which package is missing, and what to do."""

from __future__ import annotations

__all__ = ["MissingExtra", "missing"]

_INSTALL = "pip install 'synthetic-oversampling[practice]'"


class MissingExtra(ImportError):
    """A package of the extra ``practice`` is not installed."""


def missing(error: ImportError) -> MissingExtra:
    """The error to raise in place of a failed import.

    Args:
        error: of the import.

    Returns:
        An error that names the package and how to install it.

    Example:
        >>> print(missing(ImportError("no", name="imblearn.base")))
        practice needs imblearn, which cannot be imported (no); install the extra: \
pip install 'synthetic-oversampling[practice]'
    """
    package = (error.name or "a package").split(".")[0]
    return MissingExtra(
        f"practice needs {package}, which cannot be imported ({error}); install the extra: "
        f"{_INSTALL}",
        name=error.name,
    )
