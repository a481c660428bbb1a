"""A plan as a table to read and as an artifact to keep."""

from __future__ import annotations

import math
import textwrap

import numpy as np
from rich.console import Console

from synthetic_oversampling.practice.planner.plan import Choice, Plan
from synthetic_oversampling.theory.wording import counted

__all__ = ["as_dict", "print_plan"]


def as_dict(plan: Plan) -> dict:
    """The plan as plain values, with the curves that its figure shows."""
    return {
        "recommended": _choice(plan.recommended),
        "add_synthetic": plan.add_synthetic,
        "reason": plan.reason,
        "row_weights": plan.row_weights(),
        "groups": [group._asdict() for group in plan.groups],
        "designs": [_choice(own) for own in plan.choices],
        "curves": [_curve(plan, own) for own in plan.choices if own.name == "weight+add"],
        "warnings": [own._asdict() for own in plan.warnings],
        "level": plan.level,
        "price": plan.price,
        "needed": plan.needed,
        "validity": plan.validity._asdict(),
    }


def _choice(own: Choice) -> dict:
    return {
        "name": own.name,
        "source": own.source,
        "oversampling": own.oversampling,
        "size": own.size,
        "weight": own.weight,
        "rows": own.rows,
        "excess": own.excess._asdict(),
        "bias": own.bias,
        "variance": own.variance,
        "gain": own.gain._asdict(),
        "cost": own.cost,
        "expected": own.expected,
        "caution": own.caution,
        "moments": None if own.law is None else own.law.hyperbola._asdict(),
        "best_weight": own.best_weight and own.best_weight._asdict(),
        "best_size": own.best_size and own.best_size._asdict(),
    }


def _curve(plan: Plan, own: Choice) -> dict:
    """Excess at the best weight of each size (S1, the global law) for one generator."""
    law = own.law
    largest = max(20 * max(group.size for group in plan.groups), own.size)
    size = np.geomspace(1.0, largest, 81)
    return {
        "source": own.source,
        "size": size,
        "excess": law.best_excess(size),
        "weight": law.best_weight(size),
        "floor": float(law.floor),
    }


def print_plan(console: Console, plan: Plan) -> None:
    """Print groups, answer, designs and warnings, in 80 columns."""
    groups = ", ".join(f"{g.name} {g.size}{' (+)' if g.positive else ''}" for g in plan.groups)
    _say(console, f"groups: {groups}")
    _say(console, "")
    for name, text, style in _answer(plan):
        _say(console, text, name, style)
    _say(console, "")
    _say(console, "predicted balanced excess risk, in thousandths of a nat; gain: over weighting")
    for line, style in _designs(plan):
        console.print(line, style=style, **_PLAIN)
    _say(console, "")
    own = plan.validity
    because = f": {'; '.join(own.reasons)}" if own.reasons else ""
    _say(console, f"prediction of the excess risk: {own.verdict}{because}.")
    for doubt in plan.warnings:
        _say(console, f"warning ({doubt.check}): {doubt.message}", style="yellow")


_WIDTH = 79
_PLAIN = {"soft_wrap": True, "highlight": False, "markup": False}


def _say(console: Console, text: str, name: str = "", style: str | None = None) -> None:
    """A paragraph; with a name, beside it."""
    first, rest = (f"{name.strip():<16}", " " * 16) if name else ("", "  ")
    lines = textwrap.wrap(
        text, _WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False
    )
    console.print("\n".join(lines), style=style, **_PLAIN)


def _answer(plan: Plan):
    """What to do, how many rows with what weight, and how sure: names, texts and styles."""
    own = plan.recommended
    sizes = tuple(n + own.size for n in own.oversampling)
    if plan.add_synthetic:
        names = [g.name for g in plan.groups]
        rows = counted(own.rows, "synthetic row")
        yield "answer", f"add {rows} ({own.source}, {own.name})", "bold"
        counts = ", ".join(f"{n} {name}" for n, name in zip(sizes, names, strict=True))
        yield "synthetic rows", counts, None
        if own.size:
            yield (
                "their weight",
                f"alpha = {own.weight:.2f} of the total, N = {own.size} a group",
                None,
            )
        if own.best_weight is not None:
            best = own.best_weight
            yield " ", f"(best if the estimates were exact: {best.value:.2f}, {_range(best)})", None
        if own.best_size is not None and math.isfinite(own.best_size.value):
            best = own.best_size
            yield " ", f"(and N {best.value:.0f}, {_range(best)})", None
    else:
        units = "classes" if len(plan.groups) == 2 else "groups"
        how = "leave them as they are" if own.name == "raw" else f"weight the {units}"
        yield "answer", f"do not add synthetic data; {how}", "bold"
    yield "why", plan.reason, None
    yield "how sure", _sureness(plan), None
    weights = plan.row_weights()
    total = sum(g.size for g in plan.groups) + own.rows
    for g, info in enumerate(plan.groups):
        parts = [f"{k} {total * v[g]:.4g}" for k, v in weights.items() if v[g] > 0]
        name = "weight of a row" if g == 0 else " "
        yield name, f"{info.name}: {', '.join(parts)}", None


def _sureness(plan: Plan) -> str:
    """Whether the interval of the gain decides, and how many doubts there are."""
    offers = [own for own in plan.choices if own.rows]
    best = plan.recommended if plan.add_synthetic else max(
        offers, key=lambda own: own.expected, default=None
    )  # fmt: skip
    said = []
    if best is not None:
        gain = best.gain
        reach = f"the {100 * plan.level:g} % interval of the gain, {_range(gain)} nats,"
        if not plan.add_synthetic and 0 < gain.high <= plan.needed:
            said.append(f"sure of no gain worth having: {reach} lies below {plan.needed:.2g}")
        elif gain.low > 0:
            said.append(f"sure of a gain: {reach} lies above 0")
        elif gain.high < 0:
            said.append(f"sure of a loss: {reach} lies below 0")
        else:
            free = "; weighting costs nothing" if plan.add_synthetic else ""
            said.append(f"not sure: {reach} holds 0{free}")
    doubts = len(plan.warnings)
    if doubts:
        said.append(f"{counted(doubts, 'warning')} below")
    return "; ".join(said) + "."


def _designs(plan: Plan):
    """The lines of the table of designs, with their styles."""
    percent = f"{100 * plan.level:g} %"
    heads = ("design", "rows", "alpha", "excess", percent, "gain", percent, "expected")
    table: list[tuple[tuple[str, ...], str | None]] = [(heads, None)]
    source = ""
    for own in plan.choices:
        if own.source != source:
            source = own.source
            table.append(((source,), None))
        first = own == plan.recommended
        cells = (
            ("> " if first else "  ") + own.name,
            str(own.rows),
            f"{own.weight:.2f}" if own.size else "-",
            _thousandths(own.excess.value, 3),
            f"{_thousandths(own.excess.low)} .. {_thousandths(own.excess.high)}",
        )
        cells += ("-",) * 3 if own.name == "weighting" else (
            _thousandths(own.gain.value, sign="+"),
            f"{_thousandths(own.gain.low)} .. {_thousandths(own.gain.high)}",
            _thousandths(own.expected, sign="+"),
        )  # fmt: skip
        table.append((cells, "bold" if first else None))
    widths = [max(len(row[k]) for row, _ in table if len(row) > 1) for k in range(len(heads))]
    for row, style in table:
        cells = [
            row[0].ljust(widths[0]),
            *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=False)),
        ]
        yield "  ".join(cells).rstrip(), style


def _thousandths(value: float, digits: int = 2, sign: str = "") -> str:
    """A thousand times a number, to some significant digits, without an exponent.

    Example:
        >>> [_thousandths(value) for value in (0.1312, -0.00041, 6.8e-9, 0.0)]
        ['131', '-0.41', '0', '0']
    """
    value = 1e3 * value
    if abs(value) < 5e-5:
        return "0"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    return f"{value:{sign}.{max(places, 0)}f}"


def _range(own, digits: int = 2) -> str:
    return f"{own.low:.{digits}g} .. {own.high:.{digits}g}"
