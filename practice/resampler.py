"""A resampler for imbalanced-learn pipelines that adds rows drawn from a fitted law."""

from __future__ import annotations

import numbers
import warnings
from collections.abc import Mapping

import numpy as np

from synthetic_oversampling.practice import extra, planning
from synthetic_oversampling.practice.planner.sources import rows_written
from synthetic_oversampling.practice.rows import amounts, columns, generators, row_laws
from synthetic_oversampling.practice.rows import metadata as metadata_of
from synthetic_oversampling.simulate.tables.kinds import bounded, few_valued
from synthetic_oversampling.transformer_toy.seeds import MOST_LEVELS

try:
    import pandas as pd
    from imblearn.over_sampling.base import BaseOverSampler
    from imblearn.utils import check_target_type
    from imblearn.utils._validation import ArraysTransformer
    from scipy.sparse import issparse
    from sklearn.base import _fit_context
    from sklearn.utils import check_consistent_length, check_random_state
    from sklearn.utils._param_validation import HasMethods, Interval, StrOptions
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import check_array, validate_data
except ImportError as error:
    raise extra.missing(error) from error

__all__ = ["NothingAdded", "SyntheticOverSampler"]

_NOTHING = (
    "no row was added: the classes or groups are level already, or no rows were asked for; the "
    "data are returned as they came. Set augmentation or n_synthetic to add rows nevertheless."
)
_STRATEGIES = {"auto", "minority", "not minority", "not majority", "all", "plan"}


class NothingAdded(UserWarning):
    """The data came back as they were, because no row was asked for."""


class SyntheticOverSampler(BaseOverSampler):
    """Over-sample by rows drawn from a law fitted to each class or group.

    Groups are the classes, or the pairs (class, attribute) when an attribute is named by ``groups``
    here or given to ``fit_resample``; then "auto" levels every pair. Numeric columns are drawn from
    the generator's law; categorical columns, columns of few whole numbers, and metadata come from a
    donor, one of the ``neighbours`` seeds of the group nearest to the drawn numbers; but
    "in_context" writes such columns itself, up to eight levels, those that the group has; columns
    that determine each other stay together, as one or from one donor. Integer
    columns are rounded, and numbers keep to the bounds of their column.

    Args:
        generator: "plugin" (Gaussian), "mixture" (of Gaussians, components by BIC), "predictive"
            (Student-t posterior predictive), "in_context" (trained network), a callable
            ``(seeds [n, d], count, rng) -> rows [count, d]`` on the numeric columns, or a
            `practice.rows.generators.TableGenerator` such as
            `practice.text.text_generator.TextGenerator` (a language model), which draws categories
            too.
        sampling_strategy: imbalanced-learn's: a ratio, a name, or a dict or callable with rows to
            END with, applied to the groups; keys are (class, attribute) pairs if there is an
            attribute. "plan" asks `practice.planner.plan` how many rows to add, and with what
            weight.
        n_synthetic: rows to ADD instead: a dict by group, or a total that raises the smallest
            groups first.
        augmentation: N, rows added to every group beyond levelling.
        weight: alpha, the weight of those rows in ``sample_weight_``.
        plan_options: further options of `practice.plan_table` with "plan", a dict: learner, metric,
            prevalence, ridge and others.
        covariance: "group" (a group with too few rows for its own takes the pooled one, with a
            warning), or "pooled" over the groups (plugin and predictive).
        groups: name or place of the attribute's column.
        categorical_features: "auto" (category, text and boolean columns), or names, places or a
            mask of further columns that are categories.
        few_values: "lend" (a column of at most ten whole numbers, each in five rows on average,
            takes its values from the donor, as a category does) or "draw" (as other numbers).
        bounds: "sign" (a column without negative numbers is not drawn below its least, one without
            positive numbers not above its largest), "range" (no column leaves its least and largest
            number), or None. What lies beyond is moved to the bound.
        max_components: most components of a mixture.
        neighbours: among how many nearest seeds a donor is drawn.
        random_state: seed.

    Attributes:
        sampling_strategy_: group -> rows added.
        synthetic_mask_: which returned rows are synthetic.
        seed_indices_: the input row behind each returned row: itself, or a synthetic row's donor.
            All seeds of the donor's group shaped the law that the row was drawn from.
        group_of_row_: the group of each returned row, a place in ``groups_``.
        groups_: the groups: classes, or (class, attribute) pairs.
        sample_weight_: weight of each returned row: the design's times that of its seed.
        corrections_: column -> synthetic values that were moved to a bound, where there are any.
        metadata_: the metadata that was given, row by row.
        plan_: what the planner said, with ``sampling_strategy="plan"``.

    Raises:
        ValueError: from ``fit_resample``: a group too small for the generator, missing values,
            sparse input, or arguments that contradict each other.

    Example:
        >>> x = np.random.default_rng(0).normal(size=(30, 2))
        >>> y = np.array([0] * 24 + [1] * 6)
        >>> sampler = SyntheticOverSampler("plugin", random_state=0)
        >>> x_new, y_new = sampler.fit_resample(x, y)
        >>> np.bincount(y_new).tolist(), int(sampler.synthetic_mask_.sum())
        ([24, 24], 18)
    """

    _parameter_constraints: dict = {
        "generator": [StrOptions(set(row_laws.GENERATORS)), HasMethods("draw_table"), callable],
        "sampling_strategy": [
            Interval(numbers.Real, 0, 1, closed="right"),
            StrOptions(_STRATEGIES),
            Mapping,
            callable,
        ],
        "n_synthetic": [Interval(numbers.Integral, 0, None, closed="left"), Mapping, None],
        "augmentation": [Interval(numbers.Integral, 0, None, closed="left")],
        "weight": [Interval(numbers.Real, 0, 1, closed="both")],
        "plan_options": [Mapping, None],
        "covariance": [StrOptions({"group", "pooled"})],
        "groups": [str, numbers.Integral, None],
        "categorical_features": [StrOptions({"auto"}), "array-like"],
        "few_values": [StrOptions({"lend", "draw"})],
        "bounds": [StrOptions({"sign", "range"}), None],
        "max_components": [Interval(numbers.Integral, 1, None, closed="left")],
        "neighbours": [Interval(numbers.Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        generator="plugin",
        *,
        sampling_strategy="auto",
        n_synthetic=None,
        augmentation=0,
        weight=0.0,
        plan_options=None,
        covariance="group",
        groups=None,
        categorical_features="auto",
        few_values="lend",
        bounds="sign",
        max_components=5,
        neighbours=5,
        random_state=None,
    ):
        super().__init__(sampling_strategy=sampling_strategy)
        self.generator = generator
        self.n_synthetic = n_synthetic
        self.augmentation = augmentation
        self.weight = weight
        self.plan_options = plan_options
        self.covariance = covariance
        self.groups = groups
        self.categorical_features = categorical_features
        self.few_values = few_values
        self.bounds = bounds
        self.max_components = max_components
        self.neighbours = neighbours
        self.random_state = random_state

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X, y):
        """Check the input and count the rows to add; ``fit_resample`` is what one calls.

        Args:
            X, y: as for ``fit_resample``.
        """
        self._prepare(X, y, None)
        return self

    @_fit_context(prefer_skip_nested_validation=True)
    def fit_resample(self, X, y, *, groups=None, sample_weight=None, metadata=None):
        """The data with synthetic rows after the real ones.

        Args:
            X: table or array of rows, numeric or mixed; dense.
            y: the class of every row.
            groups: an attribute of every row that is not in X; groups are (class, attribute).
            sample_weight: of every row, carried to ``sample_weight_``.
            metadata: a dict of arrays or a DataFrame, one entry a row, carried to ``metadata_``.

        Returns:
            X and y with more rows, of the types that came in.

        Raises:
            ValueError: see the class.
        """
        check_classification_targets(y)
        found, labels, binary, codes, wanted = self._prepare(X, y, groups)
        carried = metadata_of.carried(metadata, len(labels))
        rng = np.random.default_rng(check_random_state(self.random_state).randint(2**31))
        new, codes_new, self._donors = self._draw(found, codes, wanted.total, rng)
        self.group_of_row_ = np.concatenate([codes, codes_new])
        self.synthetic_mask_ = np.arange(len(self.group_of_row_)) >= len(labels)
        self.sample_weight_ = self._weights(codes, codes_new, wanted, sample_weight)
        self.metadata_ = None if carried is None else metadata_of.taken(carried, self.seed_indices_)
        if len(codes_new) == 0:
            plan = getattr(self, "plan_", None)
            message = f"no row was added, by the plan: {plan.reason}" if plan else _NOTHING
            warnings.warn(message, NothingAdded, stacklevel=2)
        table = pd.concat([found.table, new], ignore_index=True)
        out = table if isinstance(X, pd.DataFrame) else table.to_numpy(dtype=self._dtype)
        y_out = np.concatenate([labels, labels[_first_rows(codes)[codes_new]]])
        if binary:
            y_out = (y_out[:, None] == np.unique(labels)).astype(np.asarray(y).dtype)
        same = isinstance(X, pd.DataFrame) and (out.dtypes == X.dtypes).all()
        back = ArraysTransformer(y if same else X, y).transform(y_out if same else out, y_out)
        return (out, back[1]) if same else back

    @property
    def seed_indices_(self) -> np.ndarray:
        """The input row behind each returned row; where nothing else needs donors, sought here."""
        if isinstance(self._donors, columns.Donors):
            self._donors = self._donors.rows()
        real = len(self.group_of_row_) - len(self._donors)
        return np.concatenate([np.arange(real), self._donors])

    def _fit_resample(self, X, y, **params):
        raise NotImplementedError("fit_resample does the work")

    def _prepare(self, X, y, groups):
        """Columns, labels, whether they came one column a class, group codes, amounts."""
        labels, binary = check_target_type(y, indicate_one_vs_all=True)
        found, labels = self._columns(X, labels)
        codes, self.groups_ = self._groups(found, labels, groups)
        if len(self.groups_) < 2:
            raise ValueError("y: The target needs to have more than 1 class. Got 1 class instead.")
        if isinstance(self.sampling_strategy, str) and self.sampling_strategy == "plan":
            found_amounts = self._planned(found, labels, codes)
        else:
            found_amounts = amounts.amounts_of(
                self.groups_,
                codes,
                self.sampling_strategy,
                self.n_synthetic,
                self.augmentation,
                self.weight,
            )
        self.sampling_strategy_ = {
            self.groups_[code]: int(count)
            for code, count in enumerate(found_amounts.total)
            if count
        }
        return found, labels, binary, codes, found_amounts

    def _planned(self, found, labels, codes) -> amounts.Amounts:
        given = (self.n_synthetic, self.augmentation, self.weight)
        if given != (None, 0, 0):
            raise ValueError(
                "sampling_strategy: got 'plan' with n_synthetic, augmentation or weight, which "
                "are what the planner answers; leave them out."
            )
        seed = check_random_state(self.random_state).randint(2**31)
        self.plan_, planned = planning.planned_amounts(
            found,
            labels,
            codes,
            self.generator,
            self.covariance,
            int(seed),
            self._draw,
            lent=bool(self._lent(found).any()),
            options=self.plan_options or {},
        )
        return planned

    def _columns(self, X, labels):
        if issparse(X):
            raise TypeError(
                "Sparse data was passed for X, but dense data is required: rows drawn from a law "
                "have no zeros. Use '.toarray()', or imblearn.over_sampling.RandomOverSampler."
            )
        if isinstance(X, pd.DataFrame):
            validate_data(self, X=X, y=labels, reset=True, skip_check_array=True)
            if X.shape[0] == 0 or X.shape[1] == 0:
                check_array(X)  # raises with the usual message
            table = X.reset_index(drop=True)
            self._dtype = None
        else:
            array = np.asarray(X)
            text = array.dtype.kind in "OUS"
            if text and array.ndim == 2 and array.size:
                table = pd.DataFrame(array.astype(object)).infer_objects()
                validate_data(self, X=X, y=labels, reset=True, skip_check_array=True)
                self._dtype = object
            else:
                array = validate_data(self, X=X, reset=True, dtype="numeric")
                table = pd.DataFrame(array)
                self._dtype = array.dtype
        check_consistent_length(table, labels)
        labels = check_array(labels, ensure_2d=False, dtype=None, input_name="y")
        return columns.read_columns(table, self.categorical_features), labels

    def _groups(self, found, labels, groups):
        """Codes of the groups and what they are called."""
        classes, codes = np.unique(labels, return_inverse=True)
        if groups is None and self.groups is None:
            return codes, classes.tolist()
        if groups is None:
            (place,) = columns.positions(found.table, [self.groups], "groups")
            groups = found.table.iloc[:, place]
        values = np.asarray(groups)
        if values.shape != (len(labels),):
            raise ValueError(
                f"groups: got shape {values.shape}, expected ({len(labels)},), one entry a row."
            )
        if pd.isna(values).any():
            raise ValueError("groups: got missing entries, expected a value in every row.")
        try:
            kinds, attribute = np.unique(values, return_inverse=True)
        except TypeError as error:
            raise ValueError(f"groups: got {error}, expected values of one type.") from None
        pairs, joint = np.unique(codes * len(kinds) + attribute, return_inverse=True)
        names = [
            (columns.plain(classes[p // len(kinds)]), columns.plain(kinds[p % len(kinds)]))
            for p in pairs
        ]
        return joint, names

    def _draw(self, found, codes, total, rng):
        """New rows, their groups and their donors, the groups one after another."""
        added = {code: int(count) for code, count in enumerate(total) if count}
        names = [str(group) if isinstance(group, str) else repr(group) for group in self.groups_]
        if isinstance(self.generator, generators.TableGenerator):
            self.corrections_ = {}
            table, givers = generators.draw_tables(
                self.generator,
                found,
                codes,
                added,
                names=names,
                neighbours=self.neighbours,
                rng=rng,
            )
            return table, codes[givers], givers
        lent, kinds = self._lent(found), columns.Kinds((), np.empty((len(codes), 0)))
        few = np.zeros_like(lent)
        if self.generator == "in_context":  # it writes categories itself
            few, kinds = columns.coded(found, lent, MOST_LEVELS)
            lent = lent & ~few
        varying = _varying(found.numbers, codes) & ~lent
        features = found.numbers[:, varying]
        num_features = features.shape[1]
        if callable(self.generator):
            rows = {
                code: rows_written(
                    self.generator(features[codes == code], count, rng),
                    count,
                    num_features,
                    "generator",
                )
                for code, count in added.items()
            }
        else:
            fitted = self.generator in ("plugin", "predictive")
            falls_back = fitted and self.covariance == "group"
            names_of = found.table.columns[[*np.array(found.numeric)[varying], *kinds.places]]
            rows = row_laws.draw_rows(
                self.generator,
                np.hstack([features, kinds.codes]) if kinds.places else features,
                codes,
                added,
                names=[repr(group) for group in self.groups_],
                rng=rng,
                columns=[str(name) for name in names_of],
                categorical=[
                    *np.flatnonzero(few[varying]).tolist(),
                    *range(num_features, num_features + len(kinds.places)),
                ],
                covariance="group or pooled" if falls_back else self.covariance,
                max_components=self.max_components,
            )
        moved = np.zeros(num_features, dtype=int)
        written = {}
        for code, drawn in rows.items():
            rows[code], beyond = bounded(drawn[:, :num_features], features, self.bounds)
            written[code] = drawn[:, num_features:]
            moved += beyond
        is_few = few[varying]
        others = ~is_few if is_few.any() else slice(None)  # which copies nothing
        donors = columns.Donors(
            features=features[:, others],
            codes=codes,
            drawn={code: drawn[:, others] for code, drawn in rows.items()},
            neighbours=self.neighbours,
            rng=rng,
            kinds=np.hstack([features[:, is_few], kinds.codes]),
            written={code: np.hstack([rows[code][:, is_few], written[code]]) for code in rows},
        )
        codes_new = np.repeat(
            np.array(list(rows), dtype=int), [len(part) for part in rows.values()]
        )
        needed = lent.any() or len(found.categorical) > len(kinds.places)
        givers = donors.rows() if needed else None
        template = _first_rows(codes)[codes_new] if givers is None else givers
        numbers_new = columns.completed(found, template, varying, list(rows.values()))
        drawn_names = found.table.columns[list(found.numeric)][varying]
        self.corrections_ = {
            columns.plain(name): int(count)
            for name, count in zip(drawn_names, moved, strict=True)
            if count
        }
        made = np.concatenate([kinds.codes[:0], *written.values()])
        table = columns.with_numbers(found, template, numbers_new, kinds._replace(codes=made))
        return table, codes_new, donors if givers is None else givers

    def _lent(self, found) -> np.ndarray:
        """Which numeric columns take their values from donors."""
        if self.few_values == "draw":
            return np.zeros(found.numbers.shape[1], dtype=bool)
        return few_valued(found.numbers)

    def _weights(self, codes, codes_new, wanted, given) -> np.ndarray:
        """Weight of every row: that of its kind, times that of its seed."""
        if given is None:
            seeds = np.ones(len(self.group_of_row_))
        else:
            seeds = check_array(given, ensure_2d=False, dtype=float, input_name="sample_weight")
            check_consistent_length(codes, seeds)
            if (seeds < 0).any():
                raise ValueError(f"sample_weight: got {seeds.min()!r}, expected weights from 0.")
            seeds = seeds[self.seed_indices_]
        kind = np.zeros(len(seeds), dtype=int)  # real, levelling, further
        for code, level in enumerate(wanted.level):
            chosen = len(codes) + np.flatnonzero(codes_new == code)
            kind[chosen[:level]], kind[chosen[level:]] = 1, 2
        return seeds * wanted.weights[kind, self.group_of_row_]

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = False
        tags.input_tags.string = True
        return tags


def _varying(features: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Columns that vary within some group; the others repeat their group's value."""
    return (features != features[_first_rows(codes)[codes]]).any(axis=0)


def _first_rows(codes: np.ndarray) -> np.ndarray:
    """The first row of each group."""
    return np.unique(codes, return_index=True)[1]
