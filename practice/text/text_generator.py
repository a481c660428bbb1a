"""A language model as the generator of a resampler: rows to text, asked for, and back to a table.

    SyntheticOverSampler(TextGenerator(hugging_face.load("folder")))
    SyntheticOverSampler(TextGenerator(CharacterModel.trained))

The first asks a model that is there already. The second trains one on the seeds of a group each
time it is asked, so that nothing of a validation fold reaches it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache, partial

import numpy as np

from synthetic_oversampling.practice import extra
from synthetic_oversampling.practice.rows import columns
from synthetic_oversampling.practice.text.character_model import CharacterModel
from synthetic_oversampling.practice.text.language_model import Report, TextModel, generate_rows
from synthetic_oversampling.practice.text.row_text import schema_of, write_row
from synthetic_oversampling.simulate.tables.reading import Line

try:
    import pandas as pd
except ImportError as error:
    raise extra.missing(error) from error

__all__ = ["TextGenerator", "text_model"]

_ORDER = 8  # characters that the character model looks back


@lru_cache(maxsize=2)
def text_model(name: str) -> TextModel | Callable[[Sequence[str]], TextModel]:
    """The model of a folder, or for the word "character" what trains a small one.

    Args:
        name: a folder, or "character".

    Raises:
        ModelError: the folder holds no model that can be loaded.
    """
    if name == "character":
        return partial(CharacterModel.trained, order=_ORDER)
    from synthetic_oversampling.practice.text.hugging_face import load

    return load(name)


class TextGenerator:
    """A `practice.rows.generators.TableGenerator` that asks a language model.

    Args:
        model: a `TextModel`, or a callable that trains one on lines of text.
        digits: of a number that is not whole, in prompts.
        context: seeds in a prompt at most.
        attempts: calls for one group at most.
        keep_copies: keep rows that equal a seed or each other.

    Attributes:
        reports: a `practice.text.language_model.Report` for each group that was asked for.

    Raises:
        GenerationError: from ``draw_table``: too few seeds, or too few usable rows.

    Example:
        >>> rng = np.random.default_rng(0)
        >>> seeds = pd.DataFrame({"age": rng.integers(20, 60, 40), "job": ["x", "y"] * 20})
        >>> generator = TextGenerator(CharacterModel.trained)
        >>> drawn = generator.draw_table(seeds, 5, rng, group="yes")
        >>> drawn.shape, set(drawn["job"]) <= {"x", "y"}, generator.reports[0].accepted
        ((5, 2), True, 5)
    """

    def __init__(
        self,
        model: TextModel | Callable[[Sequence[str]], TextModel],
        *,
        digits: int = 4,
        context: int = 20,
        attempts: int = 50,
        keep_copies: bool = False,
    ):
        if not isinstance(model, TextModel) and not callable(model):
            raise ValueError(
                f"model: got {model!r}, expected an object with complete(prompt, n=, seed=), or a "
                "callable that trains one on lines of text."
            )
        self.model, self.digits, self.context = model, digits, context
        self.attempts, self.keep_copies = attempts, keep_copies
        self.reports: list[Report] = []

    def __sklearn_clone__(self) -> TextGenerator:
        return self  # a language model is not copied for every fold

    def __call__(self, seeds: np.ndarray, count: int, rng: np.random.Generator) -> np.ndarray:
        """Rows of numbers, as a `practice.rows.generators.RowGenerator`."""
        return self.draw_table(pd.DataFrame(seeds), count, rng, group="seeds").to_numpy(float)

    def draw_table(
        self, seeds: pd.DataFrame, count: int, rng: np.random.Generator, *, group: str
    ) -> pd.DataFrame:
        """``count`` rows like the seeds of one group; see the class.

        Args:
            seeds: rows of the group.
            count: rows to draw.
            rng: that draws them.
            group: label and attribute.
        """
        found = columns.read_columns(seeds)
        header = _names(seeds.columns)
        texts = [
            [_number(v, self.digits) for v in seeds.iloc[:, place]]
            if place in found.numeric
            else [str(v) for v in seeds.iloc[:, place]]
            for place in range(seeds.shape[1])
        ]
        named = {header[-1]: group}
        lines = [
            Line(k + 2, dict(zip(header, cells, strict=False)) | named)
            for k, cells in enumerate(zip(*texts, strict=True))
        ]
        categories = [header[place] for place in found.categorical]
        model = self.model
        if not isinstance(model, TextModel):
            schema = schema_of(header, lines, header[-1:], categories)
            model = model([write_row(schema, line.cells) for line in lines])
        made = generate_rows(
            model,
            header,
            lines,
            header[-1:],
            {(group,): count},
            seed=int(rng.integers(2**31)),
            context=self.context,
            attempts=self.attempts,
            keep_copies=self.keep_copies,
            categorical=categories,
        )
        self.reports.append(made.report)
        back = {}
        for place, name in enumerate(header[:-1]):
            cells = [row[name] for row in made.rows]
            if place in found.numeric:
                back[place] = pd.Series([float(cell) for cell in cells], dtype=float)
            else:
                kinds = {str(value): value for value in seeds.iloc[:, place]}
                values = pd.Series([kinds[cell] for cell in cells], dtype=object)
                back[place] = values.astype(seeds.dtypes.iloc[place])
        table = pd.DataFrame(back)
        table.columns = seeds.columns
        return table


def _names(given) -> tuple[str, ...]:
    """Names of the columns as text, all different, and one more for the group."""
    names: list[str] = []
    for name in (*given, "group"):
        text = " ".join((name if isinstance(name, str) else f"x{name}").split()) or "x"
        while text in names:
            text += "_"
        names.append(text)
    return tuple(names)


def _number(value, digits: int) -> str:
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    return np.format_float_positional(
        float(value), precision=digits, unique=True, fractional=False, trim="-"
    )
