"""Where things are: files and lines of functions, checks, wrong formulas and figures.

They are found in the text of the modules, so that saying where a check is declared imports none.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

__all__ = ["definition", "figure", "mentions"]

_ROOT = Path(__file__).resolve().parents[1]


def definition(dotted: str) -> str:
    """File and line of a module, function, class or constant.

    Args:
        dotted: its name below ``synthetic_oversampling``.

    Raises:
        ValueError: nothing has that name.

    Example:
        >>> definition("theory.population.laws.mix").partition(":")[0]
        'theory/population/laws.py'
    """
    *parents, name = dotted.split(".")
    for path in (_ROOT.joinpath(*parents, f"{name}.py"), _ROOT.joinpath(*parents, name)):
        if path.exists():
            return path.relative_to(_ROOT).as_posix()
    path = _ROOT.joinpath(*parents).with_suffix(".py")
    if path.exists():
        for node in ast.parse(path.read_text()).body:
            targets = getattr(node, "targets", [getattr(node, "target", None)])
            names = [getattr(target, "id", None) for target in targets]
            if name in (getattr(node, "name", None), *names):
                return f"{path.relative_to(_ROOT).as_posix()}:{node.lineno}"
    raise ValueError(f"dotted: got {dotted!r}, expected the name of something in the package.")


def mentions(theorem: str, folder: str) -> list[str]:
    """Files of a folder that speak of a theorem's ids, with the first line that does.

    Args:
        theorem: its id, such as R2.
        folder: below the package, such as simulate/claims.

    Example:
        >>> mentions("R2", "theory/theorems")[0].partition(":")[0]
        'theory/theorems/risk.py'
    """
    pattern = re.compile(rf"""["']{theorem}[."'{{]""")
    found = []
    for path in sorted((_ROOT / folder).rglob("*.py")):
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            if pattern.search(line):
                found.append(f"{path.relative_to(_ROOT).as_posix()}:{number}")
                break
    return found


def figure(name: str) -> str:
    """File of a figure.

    Args:
        name: as the registry has it.

    Example:
        >>> figure("scaling_law")
        'figures/scaling/scaling_law.py'
    """
    (path,) = (_ROOT / "figures").rglob(f"{name}.py")
    return path.relative_to(_ROOT).as_posix()
