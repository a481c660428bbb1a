"""A small character model: a language model to test with, and the least that the protocol needs.

Counts of the next character after up to `order` preceding ones, interpolated from long to short
contexts as Witten and Bell (1991) do. Trained on a table's own lines it writes rows in the table's
format, many of them copies: what the checks of `practice.text.language_model` are there to see.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

__all__ = ["CharacterModel"]


class CharacterModel:
    """An interpolated n-gram model of characters; see `trained`.

    Args:
        counts: of the next character by context, for every context length up to `order`.
        order: characters of context at most.
        length: characters of a continuation at most.
    """

    def __init__(self, counts: dict[str, Counter], order: int, length: int):
        self._counts, self._order, self._length = counts, order, length
        self._letters = sorted(counts[""])
        self._cumulative: dict[str, np.ndarray] = {}  # by context, as continuations meet them

    @classmethod
    def trained(cls, lines: Sequence[str], *, order: int = 4, length: int = 400) -> CharacterModel:
        """Count the characters of lines, each of which ends with a line break.

        Args:
            lines: to count in.
            order: characters that the next one depends on.
            length: of a continuation, characters.

        Raises:
            ValueError: no lines, or an order or length below 1.

        Example:
            >>> model = CharacterModel.trained(["1.5,a", "1.7,a"])
            >>> model.complete("1.5,a\\n", n=1, seed=3) == model.complete("1.5,a\\n", n=1, seed=3)
            True
        """
        if not lines or order < 1 or length < 1:
            raise ValueError(
                f"lines: got {len(lines)} with order {order} and length {length}, expected at "
                "least one of each."
            )
        text = "\n" + "\n".join(lines) + "\n"
        counts: dict[str, Counter] = {"": Counter(text)}
        for size in range(1, order + 1):
            for end in range(size, len(text)):
                counts.setdefault(text[end - size : end], Counter())[text[end]] += 1
        return cls(counts, order, length)

    def _law(self, context: str) -> np.ndarray:
        law = np.full(len(self._letters), 1.0 / len(self._letters))
        for size in range(min(self._order, len(context)) + 1):
            seen = self._counts.get(context[len(context) - size :] if size else "")
            if seen:
                count = np.array([seen[letter] for letter in self._letters], float)
                law = (count + len(seen) * law) / (count.sum() + len(seen))
        return law / law.sum()

    def complete(self, prompt: str, *, n: int, seed: int) -> list[str]:
        """``n`` continuations of `length` characters.

        Args:
            prompt: what to continue.
            n: their number.
            seed: of the characters.
        """
        texts = []
        for place in range(n):
            rng = np.random.default_rng([seed, place])
            text = prompt[-self._order :]
            start = len(text)
            for uniform in rng.uniform(size=self._length):
                context = text[-self._order :]
                if context not in self._cumulative:
                    self._cumulative[context] = np.cumsum(self._law(context))
                cumulative = self._cumulative[context]
                text += self._letters[
                    min(int(np.searchsorted(cumulative, uniform)), len(self._letters) - 1)
                ]
            texts.append(text[start:])
        return texts
