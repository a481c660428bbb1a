"""A plan as a table to read and as an artifact to keep."""

from __future__ import annotations

import dataclasses
import math
import textwrap
from collections.abc import Iterator

import numpy as np
from rich.console import Console
from scipy.special import logit

from synthetic_oversampling.practice.planner.choices import Choice, Plan
from synthetic_oversampling.practice.planner.decision import NEARLY_ALL
from synthetic_oversampling.practice.planner.designs import GIVEN
from synthetic_oversampling.practice.planner.objectives import OBJECTIVES
from synthetic_oversampling.practice.thresholds import ClassOffsets
from synthetic_oversampling.theory.prediction.validity import NOT_JUDGED
from synthetic_oversampling.theory.wording import counted

__all__ = ["as_dict", "lines", "print_plan"]

_WIDTH = 79


def as_dict(plan: Plan) -> dict:
    """The plan as plain values, which its figure is drawn from.

    Args:
        plan: of `practice.planner.plan.plan_table`.
    """
    return {
        "recommended": _choice(plan.recommended),
        "add_synthetic": plan.add_synthetic,
        "reason": plan.reason,
        "learner": plan.learner,
        "metric": plan.metric,
        "words": OBJECTIVES[plan.metric].words,
        "unit": OBJECTIVES[plan.metric].unit,
        "thresholds": plan.thresholds._asdict(),
        "theory": plan.theory,
        "validity": plan.validity._asdict(),
        "row_weights": plan.row_weights(),
        "groups": [group._asdict() for group in plan.groups],
        "designs": [_choice(choice) for choice in plan.choices],
        "warnings": [warning._asdict() for warning in plan.warnings],
        "level": plan.level,
        "price": plan.price,
        "worth": plan.worth,
        "fits": plan.fits,
    }


def _choice(choice: Choice) -> dict:
    found = dataclasses.asdict(choice) | {
        "rows": choice.rows,
        "weight": choice.weight,
        "expected": choice.expected,
        "loss_probability": choice.posterior.loss(),
    }
    for name in ("prior", "evidence", "posterior"):
        belief = getattr(choice, name)
        found[name] = belief and belief._asdict()
    return found


def print_plan(console: Console, plan: Plan) -> None:
    """Print groups, answer, designs and warnings, in 80 columns.

    Args:
        console: where to print.
        plan: of `practice.planner.plan.plan_table`.
    """
    for text, style in lines(plan):
        console.print(text, style=style, soft_wrap=True, highlight=False, markup=False)


def lines(plan: Plan) -> Iterator[tuple[str, str | None]]:
    """Lines of the report with their styles.

    Args:
        plan: of `practice.planner.plan.plan_table`.
    """
    groups = ", ".join(f"{g.name} {g.size}{' (+)' if g.positive else ''}" for g in plan.groups)
    yield from _said(f"groups: {groups}; for {plan.learner}")
    yield "", None
    for name, text, style in _answer(plan):
        yield from _said(text, name, style)
    yield "", None
    words, unit = OBJECTIVES[plan.metric][:2]
    units = " of a nat" if unit == "nats" else ""
    yield from _said(
        f"gain over class weighting, {words} in thousandths{units}, with standard "
        "errors: what theory expects, what held-out rows show, and both together"
    )
    yield from _designs(plan)
    yield "", None
    yield from _said(f"theory: {plan.theory}")
    yield from _said(f"validity: {_validity(plan)}")
    yield from _said(f"table: {_judged(plan)}")
    for doubt in plan.warnings:
        yield from _said(f"warning ({doubt.check}): {doubt.message}", style="yellow")


def _validity(plan: Plan) -> str:
    """Whether theory's sharp forms are to be relied on for a table like this, and why not."""
    found = plan.validity
    if found.causes == NOT_JUDGED.causes:
        return f"{'; '.join(found.reasons)}."
    why = "".join(f"; {reason}" for reason in found.reasons).replace(";", ":", 1)
    return f"{found.verdict} on class weighting without a penalty{why}."


def _said(text: str, name: str = "", style: str | None = None):
    """A paragraph; with a name, beside it."""
    first, rest = (f"{name.strip():<16}", " " * 16) if name else ("", "  ")
    found = textwrap.wrap(
        text, _WIDTH, initial_indent=first, subsequent_indent=rest, break_on_hyphens=False
    )
    for line in found:
        yield line, style


def _answer(plan: Plan):
    """What to do, how many rows with what weight, and how sure: names, texts and styles."""
    chosen = plan.recommended
    if plan.add_synthetic:
        rows = counted(chosen.rows, "synthetic row")
        yield (
            "answer",
            f"add {rows} ({chosen.source}, {chosen.name}, alpha {chosen.weight:.2f})",
            "bold",
        )
        named = zip(chosen.counts, plan.groups, strict=True)
        yield "synthetic rows", ", ".join(f"{n} {g.name}" for n, g in named), None
    else:
        units = "classes" if len(plan.groups) == _classes(plan) else "groups"
        how = "leave them as they are" if chosen.name == "raw" else f"weight the {units}"
        yield "answer", f"do not add synthetic data; {how}", "bold"
    yield "why", plan.reason, None
    yield "real rows", _real(plan), None
    yield "how sure", _sureness(plan), None
    real = sum(g.size for g in plan.groups)
    total = real + chosen.rows
    if plan.ridge > 0:
        c = real / total / plan.ridge  # the ridge is for weights that sum to the real rows
        yield "ridge", f"{plan.ridge:.3g} on standardised features (C = {c:.3g})", None
    weights = plan.row_weights()
    for g, info in enumerate(plan.groups):
        parts = [f"{k} {total * v[g]:.4g}" for k, v in weights.items() if v[g] > 0]
        name = "weight of a row" if g == 0 else " "
        yield name, f"{info.name}: {', '.join(parts)}", None
    yield from _thresholds(plan)


def _thresholds(plan: Plan):
    """Where to call a row positive, and what a probability of the fit means."""
    found = plan.thresholds
    if isinstance(found, ClassOffsets):
        yield from _offsets(found)
        return
    if found.balanced is None or found.cost is None:
        yield "thresholds", "none: held-out scores do not rise with the label.", None
        return
    even = found.cost_ratio == 1
    cost = "fewest errors" if even else f"least cost if a miss costs {found.cost_ratio:.3g}"
    shift = found.intercept + float(logit(found.prevalence))
    yield (
        "thresholds",
        f"call a row positive above {found.balanced:.2g} for balanced error; at a share of "
        f"{found.prevalence:.2g} positives above {found.cost:.2g} for the {cost}, and above "
        f"{found.f1:.2g} for F1 ({found.f1_value:.2g} on held-out rows)",
        None,
    )
    yield (
        "probabilities",
        f"for a share of {found.prevalence:.2g} positives, multiply the fit's log-odds by "
        f"{found.slope:.3g} and add {shift:.2f}",
        None,
    )


def _classes(plan: Plan) -> int:
    found = plan.thresholds
    return len(found.classes) if isinstance(found, ClassOffsets) else 2


def _offsets(found: ClassOffsets):
    """What probabilities of a fit of several classes mean, and how often each class is missed."""
    first, *others = found.classes
    shares = np.array(found.prevalence)
    even = np.array(found.intercepts)[1:]

    def adds(values) -> str:
        return ", ".join(
            f"{round(value, 2) + 0.0:+.2f} {name}"
            for name, value in zip(others, values, strict=True)
        )

    def missed(values) -> str:
        named = zip(found.classes, values, strict=True)
        return ", ".join(f"{name} {value:.0%}" for name, value in named)

    at = ", ".join(f"{name} {p:.2g}" for name, p in zip(found.classes, shares, strict=True))
    yield (
        "probabilities",
        f"for shares of {at}, multiply the fit's log-odds against {first} by {found.slope:.3g} and "
        f"add {adds(even + np.log(shares[1:] / shares[0]))}",
        None,
    )
    yield (
        "classes",
        f"call the likeliest; for balanced error add {adds(even)} instead",
        None,
    )
    yield (
        "missed",
        f"of held-out rows: {missed(found.errors)}; for balanced error: "
        f"{missed(found.balanced_errors)}",
        None,
    )


def _real(plan: Plan) -> str:
    """How much the real rows still count."""
    chosen = plan.recommended
    if not plan.add_synthetic:
        return "keep all of the weight."
    named = [
        f"{1 - share:.0%} of the weight of {info.name}"
        for share, info in zip(chosen.shares, plan.groups, strict=True)
        if share > 0
    ]
    last = ", which cross-validation supports" if max(chosen.shares) > NEARLY_ALL else ""
    return f"keep {' and '.join(named)}, {1 - chosen.weight:.0%} of all weight{last}."


def _sureness(plan: Plan) -> str:
    """Whether the interval of the gain decides, and how many doubts there are."""
    offers = [choice for choice in plan.choices if choice.rows]
    best = (
        plan.recommended
        if plan.add_synthetic
        else max(offers, key=lambda choice: choice.expected, default=None)
    )
    said = []
    if best is not None:
        low, high = best.posterior.between(plan.level)
        said.append(
            f"{'its' if plan.add_synthetic else 'the most promising rows would have a'} gain of "
            f"{low:.2g} to {high:.2g} {OBJECTIVES[plan.metric].unit} ({100 * plan.level:g} %), "
            f"negative with probability {best.posterior.loss():.0%}"
        )
    if plan.warnings:
        said.append(f"{counted(len(plan.warnings), 'warning')} below")
    return "; ".join(said) + "." if said else "nothing was compared."


def _judged(plan: Plan) -> str:
    """What cross-validation was, and whether it moved theory's opinion."""
    folds, repeats = plan.folds
    given = any(choice.source == GIVEN for choice in plan.choices)
    said = (
        f"{repeats} times {folds}-fold cross-validation, {counted(plan.fits, 'fit')}; "
        f"{'the given rows are the same in all' if given else 'generators see training folds only'}"
    )
    offers = [choice for choice in plan.choices if choice.rows and choice.prior is not None]
    if offers:
        best = max(offers, key=lambda choice: choice.expected)
        share = (best.posterior.error / max(best.evidence.error, 1e-12)) ** 2
        named = f"{best.source}, {best.name}"
        said += f"; of the opinion on {named}, it makes {share:.0%}, theory the rest"
    return said + "."


def _designs(plan: Plan):
    """The lines of the table of designs, with their styles."""
    heads = ("design", "rows", "alpha", "theory", "held-out rows", "both", "P(loss)")
    table: list[tuple[tuple[str, ...], str | None]] = [(heads, None)]
    source = ""
    for choice in plan.choices:
        if choice.source != source:
            source = choice.source
            table.append(((source,), None))
        first = choice == plan.recommended
        shown = (
            ("> " if first else "  ") + choice.name,
            str(choice.rows) if choice.rows else "-",
            f"{choice.weight:.2f}" if choice.rows else "-",
        )
        beliefs = (
            ("-",) * 4
            if choice.name == "weighting"
            else (
                "-" if choice.prior is None else _belief(choice.prior),
                _belief(choice.evidence),
                _belief(choice.posterior),
                f"{choice.posterior.loss():.0%}",
            )
        )
        table.append(((*shown, *beliefs), "bold" if first else None))
    widths = [max(len(row[k]) for row, _ in table if len(row) > 1) for k in range(len(heads))]
    for row, style in table:
        cells = [
            row[0].ljust(widths[0]),
            *(c.rjust(w) for c, w in zip(row[1:], widths[1:], strict=False)),
        ]
        yield "  ".join(cells).rstrip(), style


def _belief(choice) -> str:
    return f"{_thousandths(choice.mean, sign='+')} ± {_thousandths(choice.error)}"


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
