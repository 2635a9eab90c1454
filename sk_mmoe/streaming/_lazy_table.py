"""Tables that are too large for memory, as `fit`, `predict` and `score` take them.

The design in short. `fit` passes over the table once before training. It keeps a random sample
of the rows, or all of them if the table is small, and counts the categories of all rows. From this
it learns what it learns from a table in memory: scales, knots, tasks, weights of classes, and which
rows of the sample are held out for early stopping (``estimators/_first_pass.py``). Each epoch reads
the table anew, in an order that is random on two levels: row groups are visited in a random order,
several at once, and the rows of a buffer are shuffled as a whole. This is the order of CorgiPile
[1]_, with which training converges about as fast as with a full shuffle. A buffer is a table in
memory like any other, so the training loop, networks and balancing methods do not know the
difference. Only this folder knows Arrow. Memory depends on buffer and sample, not on the number of
rows. Which rows a buffer has follows from the sizes of the groups (``_blocks.py``), so that several
processes can read some groups each and still train on one buffer.

References
----------
.. [1] Xu et al., "In-Database Machine Learning with CorgiPile: Stochastic Gradient Descent without
   Full Data Shuffle", SIGMOD 2022, section 4.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np

from sk_mmoe.streaming._blocks import Piece, piece_size, plan_blocks
from sk_mmoe.streaming._sources import Part, index_columns, join, open_source


class SharedRows(NamedTuple):
    """What a process reads of a block, of which other processes read the rest.

    Parameters
    ----------
    rows : pyarrow.Table or None
        The rows; `None` if it reads none.
    pieces : list of Piece
        What the whole block consists of.
    """

    rows: Any
    pieces: list[Piece]


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
    should be in a random order. Processes that train together read some row groups each, and more
    than eight of them open as many groups as there are processes.

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
    def group_sizes(self) -> list[int]:
        """The number of rows of each group; the groups can be read in any order."""
        return self._source.group_sizes

    @property
    def label_names(self) -> list[str]:
        """The columns with targets and weights."""
        return self.target_names + ([] if self.weight_name is None else [self.weight_name])

    def describe(self) -> dict[str, Any]:
        """Return what tells this table from others, without reading its rows."""
        return {
            "columns": str(self._source.schema.remove_metadata()),
            "features": self.feature_names,
            "targets": (self.target_names, self.has_one_target),
            "sample_weight": self.weight_name,
            "buffer_rows": self.buffer_rows,
            "rows (pass the same files in each process)": (
                self.group_sizes,
                self._source.digest(),
            ),
        }

    def parts(self, columns: Sequence[str], groups: Iterable[int] | None = None) -> Iterator[Part]:
        """Yield some columns of all rows in their order, a buffer at a time.

        Parameters
        ----------
        columns : sequence of str
            The columns.
        groups : iterable of int, default=None
            The groups to read. `None`: all.

        Yields
        ------
        Part
            Some rows.
        """
        for group in range(len(self.group_sizes)) if groups is None else groups:
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
        # Not in a loop, whose variable would keep a block in memory while the next one is read.
        yield from map(attrgetter("rows"), self.shared_blocks(order, without, 0, 1))

    def shared_blocks(
        self, order: Iterable[int], without: np.ndarray, process: int, n_processes: int
    ) -> Iterator[SharedRows]:
        """Yield what one of several processes reads of the blocks.

        Parameters
        ----------
        order : iterable of int
            The order in which the groups are opened, the same in all processes.
        without : ndarray of int
            The numbers of rows to leave out, in ascending order.
        process, n_processes : int
            The number of this process, from 0, and how many there are.

        Yields
        ------
        SharedRows
            The rows of this process, and what the whole block consists of.
        """
        columns = [*self.feature_names, *self.label_names]
        size = piece_size(len(self.group_sizes), self.buffer_rows, n_processes)
        opened: dict[int, Iterator[Part]] = {}
        for pieces in plan_blocks(order, self.group_sizes, self.buffer_rows, without, n_processes):
            gathered = []
            for piece in pieces:
                if piece.owner == process:
                    if piece.group not in opened:
                        opened[piece.group] = self._source.read(piece.group, columns, size)
                    gathered.append(_read_piece(opened[piece.group], piece, without))
                    if piece.is_last:
                        del opened[piece.group]
            yield SharedRows(join(gathered) if gathered else None, pieces)


def _read_piece(parts: Iterator[Part], piece: Piece, without: np.ndarray) -> Any:
    """Return the next rows of a group but those to leave out."""
    part = next(parts, None)
    if (
        part is None
        or len(part.rows) < piece.n_read
        or (piece.is_last and next(parts, None) is not None)
    ):
        raise ValueError(
            "the rows are not those that the table had when it was opened. Files must not change "
            "during fit, and a query must return the same rows in the same order every time."
        )
    rows = part.rows
    if piece.n_left_out:
        kept = np.ones(len(rows), dtype=bool)
        first = np.searchsorted(without, piece.start)
        kept[without[first : first + piece.n_left_out] - piece.start] = False
        rows = rows.filter(kept)
    return rows


def _check_columns(parameter: str, names: Sequence[str], columns: Sequence[str]) -> None:
    """Raise a ValueError unless all names are columns, each named once."""
    if unknown := [name for name in names if name not in columns]:
        raise ValueError(
            f"{parameter} names the columns {unknown}, which the table does not have. Its columns "
            f"are {list(columns)}."
        )
    if repeated := sorted({name for name in names if list(names).count(name) > 1}):
        raise ValueError(f"{parameter} names the columns {repeated} more than once.")
