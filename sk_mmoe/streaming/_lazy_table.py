"""Tables that are too large for memory, as `fit`, `predict` and `score` take them.

The design in ten lines. `fit` passes over the table once before training. It keeps a random sample
of the rows, or all of them if the table is small, and counts the categories of all rows. From this
it learns what it learns from a table in memory: scales, knots, tasks, weights of classes, and which
rows of the sample are held out for early stopping (``estimators/_first_pass.py``). Each epoch reads
the table anew, in an order that is random on two levels: row groups are visited in a random order,
several at once, and the rows of a buffer are shuffled as a whole. This is the order of CorgiPile
[1]_, with which training converges about as fast as with a full shuffle. A buffer is a table in
memory like any other, so the training loop, networks and balancing methods do not know the
difference. Only this folder knows Arrow. Memory depends on buffer and sample, not on the number of
rows.

References
----------
.. [1] Xu et al., "In-Database Machine Learning with CorgiPile: Stochastic Gradient Descent without
   Full Data Shuffle", SIGMOD 2022, section 4.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np

from sk_mmoe.streaming._sources import Part, concatenate, index_columns, open_source

# So many row groups are open at once, each for an equal share of a buffer.
_OPEN_GROUPS = 8


class LazyTable:
    """A table in Parquet files, or the result of a query, that is read part by part.

    `fit`, `predict`, `predict_proba` and `score` take it in the place of X. It has the targets as
    well, so y is not passed.

    `fit` needs memory for one buffer and for a sample of the rows, however long the table is. It
    reads the table once before training and once in each epoch.

    Read more in the :doc:`User Guide </user_guide/large_tables>`.

    Parameters
    ----------
    source : str, path-like, list, LazyFrame or object with ``__arrow_c_stream__``
        A Parquet file, a folder with Parquet files, or a list of files. All files have the same
        columns. A LazyFrame of polars or a relation of DuckDB is a query that runs anew for each
        pass. It must return the same rows in the same order every time.
    targets : str or list of str, default=()
        The columns with the targets, which name the tasks. A string is a single target, for which
        `predict` returns one dimension. Leave it out to predict only.
    features : list of str, default=None
        The columns with the features. `None`: all columns but those of targets, of weights, and of
        an index of pandas. Name them if the files have other columns, such as keys, which are then
        not read.
    sample_weight : str, default=None
        The column with the weights of the rows. `None`: all rows have the same weight.
    buffer_rows : int, default=50_000
        The number of rows that are in memory at once and shuffled together. Choose a smaller number
        if memory is short or the table has hundreds of columns. Choose a larger one if rows
        that follow one another are much alike, for example because they are sorted by a target.

    Attributes
    ----------
    feature_names : list of str
        The columns with the features.
    target_names : list of str
        The columns with the targets.
    shape : tuple of int
        The number of rows, and of features.

    Raises
    ------
    TypeError
        If the source is none of these.
    ValueError
        If there is no file or no row, the columns of files differ, or a column does not exist.
    ImportError
        If pyarrow is not installed, which comes with the extra ``parquet``.

    Notes
    -----
    Rows are shuffled on two levels, as in [1]_. Row groups are visited in a random order, eight at
    once, and a buffer takes equal parts of them. The rows of a buffer are shuffled as a whole.
    A file with a single row group, or a query, is read from its beginning to its end. Its rows
    should be in a random order.

    References
    ----------
    .. [1] Xu et al., "In-Database Machine Learning with CorgiPile: Stochastic Gradient Descent
       without Full Data Shuffle", SIGMOD 2022, section 4.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import pandas as pd
    >>> from sk_mmoe import MMoERegressor
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> from sk_mmoe.streaming import LazyTable
    >>> X, y = make_multitask_sinusoid(500, n_features=4, random_state=0)
    >>> table = pd.DataFrame(X, columns=list("abcd")).assign(first=y[:, 0], second=y[:, 1])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     table.to_parquet(pathlib.Path(folder) / "part.parquet", row_group_size=100)
    ...     table = LazyTable(folder, targets=["first", "second"])
    ...     model = MMoERegressor(max_iter=5, random_state=0).fit(table)
    ...     predictions = model.predict(table)
    >>> table.shape, predictions.shape
    ((500, 4), (500, 2))
    """

    def __init__(
        self,
        source: Any,
        targets: str | Sequence[str] = (),
        *,
        features: Sequence[str] | None = None,
        sample_weight: str | None = None,
        buffer_rows: int = 50_000,
    ) -> None:
        is_number = isinstance(buffer_rows, int | np.integer) and not isinstance(buffer_rows, bool)
        if not is_number or buffer_rows < 1:
            raise ValueError(f"buffer_rows must be a positive integer, got {buffer_rows!r}.")
        self._source = open_source(source)
        self.has_one_target = isinstance(targets, str)
        self.target_names = [targets] if isinstance(targets, str) else list(targets)
        self.weight_name = sample_weight
        weights = [] if sample_weight is None else [sample_weight]
        others = [*self.target_names, *weights]
        columns = list(self._source.schema.names)
        if features is None:
            no_features = {*others, *index_columns(self._source.schema)}
            features = [name for name in columns if name not in no_features]
        self.feature_names = list(features)
        for parameter, names in (
            ("targets", self.target_names),
            ("sample_weight", weights),
            ("features", self.feature_names),
        ):
            _check_columns(parameter, names, columns)
        if used := sorted({name for name in others if name in self.feature_names}):
            raise ValueError(f"features has the columns {used}, which are targets or weights.")
        self.buffer_rows = int(buffer_rows)
        self.shape = (self._source.n_rows, len(self.feature_names))

    def __len__(self) -> int:
        """Return the number of rows."""
        return self.shape[0]

    def __repr__(self) -> str:
        """Return the size of the table, and its targets."""
        n_rows, n_features = self.shape
        return f"LazyTable({n_rows:,} rows, {n_features} features, targets={self.target_names})"

    def __array__(self, *args: Any, **kwargs: Any) -> np.ndarray:
        """Raise a TypeError: functions that need an array cannot take this table."""
        raise TypeError(
            "a table in memory is needed here, got a LazyTable. Only fit, predict, predict_proba "
            "and score of sk_mmoe's estimators read it part by part. Pass one of its `batches()`, "
            "or read the table with pandas."
        )

    def batches(self) -> Iterator[Any]:
        """Yield the features of all rows in their order, a buffer at a time.

        Use it to predict with less memory than all predictions need, and to write predictions to a
        file.

        Yields
        ------
        pyarrow.Table of shape (n_rows, n_features)
            The features of at most `buffer_rows` rows.
        """
        for _, rows in self.parts(self.feature_names):
            yield rows

    # -- for the estimators -----------------------------------------------------------------

    @property
    def n_groups(self) -> int:
        """The number of groups of rows that can be read in any order."""
        return self._source.n_groups

    @property
    def label_names(self) -> list[str]:
        """The columns with targets and weights."""
        return self.target_names + ([] if self.weight_name is None else [self.weight_name])

    def parts(self, columns: Sequence[str]) -> Iterator[Part]:
        """Yield some columns of all rows in their order, a buffer at a time."""
        for group in range(self.n_groups):
            yield from self._source.read(group, columns, self.buffer_rows)

    def blocks(self, order: Iterable[int], without: np.ndarray) -> Iterator[Any]:
        """Yield the rows of a buffer after the other, mixed from several groups.

        Parameters
        ----------
        order : iterable of int
            The order in which the groups are opened.
        without : ndarray of int
            The numbers of rows to leave out, in ascending order.

        Yields
        ------
        pyarrow.Table
            About `buffer_rows` rows.
        """
        gathered: list[Any] = []
        n_rows = 0
        for start, rows in self._mixed(order):
            first, last = np.searchsorted(without, [start, start + len(rows)])
            if last > first:
                kept = np.ones(len(rows), dtype=bool)
                kept[without[first:last] - start] = False
                rows = rows.filter(kept)
            gathered.append(rows)
            n_rows += len(rows)
            if n_rows >= self.buffer_rows:
                yield _join(gathered)
                n_rows = 0
        if n_rows:
            yield _join(gathered)

    def _mixed(self, order: Iterable[int]) -> Iterator[Part]:
        """Yield parts of several groups in turn; a new group takes the place of one that ends."""
        columns = [*self.feature_names, *self.label_names]
        size = -(-self.buffer_rows // min(self.n_groups, _OPEN_GROUPS))
        groups = (self._source.read(group, columns, size) for group in order)
        in_turn = deque(islice(groups, _OPEN_GROUPS))
        while in_turn:
            group = in_turn.popleft()
            part = next(group, None)
            if part is None:
                in_turn.extend(islice(groups, 1))
            else:
                yield part
                in_turn.append(group)


def _join(parts: list[Any]) -> Any:
    """Return parts as one table, of which the caller keeps nothing."""
    table = concatenate(parts)
    parts.clear()
    return table


def _check_columns(parameter: str, names: Sequence[str], columns: Sequence[str]) -> None:
    """Raise a ValueError unless all names are columns, each named once."""
    if unknown := [name for name in names if name not in columns]:
        raise ValueError(
            f"{parameter} names the columns {unknown}, which the table does not have. Its columns "
            f"are {list(columns)}."
        )
    if repeated := sorted({name for name in names if list(names).count(name) > 1}):
        raise ValueError(f"{parameter} names the columns {repeated} more than once.")
