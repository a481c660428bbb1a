"""Synthetic rows from a language model: anything that completes a prompt can be the generator.

The model sees seeds of one group in context and continues the table (`practice.text.row_text`). Its
rows are read strictly, copies are dropped and counted, and asking is repeated within a bound. A
fifth of the real rows is never shown: a model that writes one of those down has memorised the table
before, as a model trained on the public internet may have, and its rows say nothing about the
group.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from synthetic_oversampling.practice.text.row_text import Schema, parse_rows, prompt_for, schema_of
from synthetic_oversampling.simulate.tables.reading import Line
from synthetic_oversampling.theory.wording import counted

__all__ = ["Generated", "GenerationError", "Report", "TextModel", "generate_rows"]

_HELD_BACK = 5  # every fifth row of a group is never shown
_FEWEST = 4  # rows of a group, so that some can be shown and some held back


@runtime_checkable
class TextModel(Protocol):
    """A language model."""

    def complete(self, prompt: str, *, n: int, seed: int) -> list[str]:
        """``n`` continuations of a prompt, without the prompt; equal for equal seeds.

        Args:
            prompt: what to continue.
            n: their number.
            seed: of the draws.
        """


class GenerationError(ValueError):
    """A model did not give the rows that were asked for; the message says what it gave."""


@dataclasses.dataclass(frozen=True)
class Report:
    """What became of the lines that a model wrote.

    Attributes:
        calls: of the model's ``complete``, each for several continuations.
        written: lines in all; accepted: rows kept.
        rejected: by reason: malformed lines.
        repeated: rows equal to one that was kept before.
        copied_shown: rows equal to a real row of the prompts; copied_unseen: equal to a real row
            that the model was never shown. Both are dropped unless asked for.
    """

    calls: int
    written: int
    accepted: int
    rejected: Mapping[str, int]
    repeated: int
    copied_shown: int
    copied_unseen: int

    @property
    def rejection_rate(self) -> float:
        """Share of lines that were malformed."""
        return sum(self.rejected.values()) / max(self.written, 1)

    def summary(self) -> str:
        """One line for people."""
        reasons = ", ".join(f"{k}: {v}" for k, v in sorted(self.rejected.items()))
        return (
            f"{counted(self.accepted, 'row')} from {counted(self.written, 'line')} in "
            f"{counted(self.calls, 'call')}; malformed "
            f"{self.rejection_rate:.1%}{f' ({reasons})' if reasons else ''}; repeated "
            f"{self.repeated}; copies of rows shown {self.copied_shown}, of rows never shown "
            f"{self.copied_unseen}"
        )


class Generated(NamedTuple):
    """Rows as cells by column, in the order of the groups, and what became of the rest.

    Attributes:
        schema: what was learnt of the real rows.
        rows: the rows.
        report: what became of the lines.
        shown, unseen: the real rows of these groups: those that prompts were made of, and those
            that were held back.
    """

    schema: Schema
    rows: list[dict[str, str]]
    report: Report
    shown: list[dict[str, str]]
    unseen: list[dict[str, str]]

    @property
    def header(self) -> tuple[str, ...]:
        """Names of the columns."""
        return self.schema.header


def _key(schema: Schema, cells: Mapping[str, str]) -> tuple:
    """Equal for equal rows, however their numbers are written."""
    return tuple(
        cells[column.name] if column.kinds else float(cells[column.name])
        for column in schema.columns
    )


def generate_rows(
    model: TextModel,
    header: Sequence[str],
    lines: Sequence[Line],
    group: Sequence[str],
    counts: Mapping[tuple[str, ...], int] | int,
    *,
    seed: int = 0,
    context: int = 20,
    continuations: int = 4,
    attempts: int = 50,
    keep_copies: bool = False,
    categorical: Collection[str] = (),
    path: object = "the table",
) -> Generated:
    """Ask a model for rows of every group.

    Args:
        model: see `TextModel`.
        header, lines: the real rows, from `simulate.tables.reading.read_lines`.
        group: columns whose values name the group: the label, and an attribute if any.
        counts: rows wanted of each group, or of every group.
        seed: of the choice of seeds and of the model.
        context: seeds in a prompt at most.
        continuations: asked for in one call.
        attempts: calls for one group at most.
        keep_copies: keep rows that equal a real row or each other, as rows of few categories may
            (they are counted in any case).
        categorical: columns of numbers that are categories.
        path: of the real rows, for messages.

    Returns:
        The rows, a `Report`, and which real rows were shown.

    Raises:
        TableError: for real rows that cannot be written as lines of text.
        GenerationError: a group is unknown or too small, or the model does not give enough rows
            within the bound.

    Example:
        >>> from synthetic_oversampling.practice.text.character_model import CharacterModel
        >>> lines = [Line(k + 2, {"x": f"{k % 7}.{k % 10}", "y": "ab"[k % 2]}) for k in range(40)]
        >>> model = CharacterModel.trained([f"{l.cells['x']},{l.cells['y']}" for l in lines])
        >>> made = generate_rows(model, ("x", "y"), lines, ("y",), 3, seed=1)
        >>> [row["y"] for row in made.rows]
        ['a', 'a', 'a', 'b', 'b', 'b']
    """
    asking = _Asking(
        model=model,
        schema=schema_of(header, lines, group, categorical, path=path),
        context=context,
        continuations=continuations,
        attempts=attempts,
        keep_copies=keep_copies,
    )
    members: dict[tuple[str, ...], list[dict[str, str]]] = {}
    for line in lines:
        members.setdefault(tuple(line.cells[name] for name in group), []).append(line.cells)
    wanted = dict.fromkeys(sorted(members), counts) if isinstance(counts, int) else dict(counts)
    _check(members, wanted, group, context, continuations, attempts)
    kept: list[dict[str, str]] = []
    shown: list[dict[str, str]] = []
    unseen: list[dict[str, str]] = []
    totals: Counter = Counter()
    rejected: Counter = Counter()
    for place, (key, count) in enumerate(wanted.items()):
        rng = np.random.default_rng([seed, place])
        order = rng.permutation(len(members[key]))
        hidden = max(1, len(order) // _HELD_BACK)
        secret, open_ = (
            [members[key][i] for i in half] for half in (order[:hidden], order[hidden:])
        )
        named = dict(zip(group, key, strict=True))
        rows, told, reasons = _one_group(asking, named, open_, secret, count, rng)
        totals, rejected = totals + told, rejected + reasons
        kept += rows
        shown += open_
        unseen += secret
    report = Report(
        calls=totals["calls"],
        written=totals["written"],
        accepted=len(kept),
        rejected=dict(rejected),
        repeated=totals["repeated"],
        copied_shown=totals["shown"],
        copied_unseen=totals["unseen"],
    )
    return Generated(schema=asking.schema, rows=kept, report=report, shown=shown, unseen=unseen)


class _Asking(NamedTuple):
    """A model, and how it is asked; see `generate_rows`."""

    model: TextModel
    schema: Schema
    context: int
    continuations: int
    attempts: int
    keep_copies: bool


def _check(members, wanted, group, context, continuations, attempts) -> None:
    names = (("context", context), ("continuations", continuations), ("attempts", attempts))
    for name, value in names:
        if value < 1:
            raise GenerationError(f"{name}: got {value}, expected at least 1.")
    for key, count in wanted.items():
        title = "/".join(key)
        if key not in members:
            known = ", ".join("/".join(k) for k in sorted(members))
            raise GenerationError(f"counts: got group {title}, expected one of {known}.")
        if count < 0:
            raise GenerationError(
                f"counts: got {counted(count, 'row')} of {title}, expected at least 0."
            )
        if count and len(members[key]) < _FEWEST:
            raise GenerationError(
                f"group {title} ({', '.join(group)}) has {counted(len(members[key]), 'row')}, "
                f"expected at least {_FEWEST} to show some and hold some back; merge groups or "
                "collect rows."
            )


def _one_group(
    asking: _Asking, named: Mapping[str, str], shown, secret, count: int, rng: np.random.Generator
) -> tuple[list[dict[str, str]], Counter, Counter]:
    """Rows of a group, what became of all lines, and why some were rejected."""
    schema = asking.schema
    unseen = {_key(schema, row) for row in secret}
    known = {_key(schema, row) for row in shown}
    found: list[dict[str, str]] = []
    seen: set[tuple] = set()
    totals: Counter = Counter()
    reasons: Counter = Counter()
    while len(found) < count and totals["calls"] < asking.attempts:
        chosen = rng.permutation(len(shown))[: asking.context]
        prompt = prompt_for(schema, named, [shown[i] for i in chosen])
        for text in _complete(asking, prompt, int(rng.integers(2**31))):
            parsed = parse_rows(schema, named, text)
            reasons += parsed.rejected
            totals["written"] += len(parsed.rows) + sum(parsed.rejected.values())
            for cells in parsed.rows:
                key = _key(schema, cells)
                totals["shown"] += key in known
                totals["unseen"] += key in unseen and key not in known
                if not asking.keep_copies and (key in known or key in unseen):
                    continue
                totals["repeated"] += key in seen
                if asking.keep_copies or key not in seen:
                    found.append(cells)
                seen.add(key)
        totals["calls"] += 1
    if len(found) < count:
        title = ", ".join(f"{k} = {v}" for k, v in named.items())
        why = ", ".join(f"{k}: {v}" for k, v in reasons.most_common(4)) or "none malformed"
        raise GenerationError(
            f"the model gave {counted(len(found), 'new row')} of {count} with {title} in "
            f"{counted(totals['calls'], 'call')} (rejected lines: {why}; the rest repeat rows or "
            "copy real ones); raise attempts, show more seeds, or use a model that follows the "
            "format."
        )
    return found[:count], totals, reasons


def _complete(asking: _Asking, prompt: str, seed: int) -> list[str]:
    """The model's continuations, held to what it promises."""
    texts = asking.model.complete(prompt, n=asking.continuations, seed=seed)
    if len(texts) != asking.continuations or not all(isinstance(text, str) for text in texts):
        raise GenerationError(
            f"model: complete returned {counted(len(texts), 'text')}, expected "
            f"{counted(asking.continuations, 'string')}."
        )
    return texts
