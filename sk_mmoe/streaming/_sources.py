"""Where the rows of a lazy table come from: row groups of Parquet files, or a query."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from itertools import accumulate
from typing import Any, NamedTuple

_MISSING = (
    "sk_mmoe.streaming needs pyarrow, which is not installed. Install it with: "
    "pip install 'sk_mmoe[parquet]'"
)
_SHOWN = 5


class Part(NamedTuple):
    """Some rows that follow one another.

    Parameters
    ----------
    start : int
        The number of the first row in the whole table, from 0.
    rows : pyarrow.Table
        The rows.
    """

    start: int
    rows: Any


class Source(ABC):
    """A table that is read in groups of rows.

    Attributes
    ----------
    schema : pyarrow.Schema
        The names and the types of the columns.
    n_rows : int
        The number of rows.
    group_sizes : list of int
        The number of rows of each group. The groups follow one another in the table, and can be
        read in any order.
    """

    schema: Any
    n_rows: int
    group_sizes: list[int]

    @abstractmethod
    def read(self, group: int, columns: Sequence[str], n_rows: int) -> Iterator[Part]:
        """Yield the rows of a group in their order.

        Parameters
        ----------
        group : int
            The group, from 0.
        columns : sequence of str
            The columns to read.
        n_rows : int
            The number of rows in a part. The last one has what is left.

        Yields
        ------
        Part
            Some rows.
        """

    def digest(self) -> str:
        """Return a digest of what is known of the rows without reading them."""
        return ""


class ParquetFiles(Source):
    """The row groups of Parquet files.

    Parameters
    ----------
    paths : str, path-like or list
        A file, a folder, or several files; also on a file system that pyarrow knows by its URI.
        The folders of a partitioned data set (``year=2026/``) give columns.
    """

    def __init__(self, paths: Any) -> None:
        dataset = _import("dataset")
        paths = [os.fspath(p) for p in paths] if isinstance(paths, list) else os.fspath(paths)
        self._dataset = dataset.dataset(paths, format="parquet", partitioning="hive")
        fragments = list(self._dataset.get_fragments())
        if not fragments:
            raise ValueError(f"there is no Parquet file in {paths!r}.")
        self.schema = self._dataset.schema
        _check_schemas(fragments, self.schema)
        # Read as they come from the disk: to read ahead would take as much memory as there is.
        self._options = dataset.ParquetFragmentScanOptions(
            use_buffered_stream=True, pre_buffer=False
        )
        self._groups = [group for each in fragments for group in each.split_by_row_group()]
        self.group_sizes = [
            sum(each.num_rows for each in group.row_groups) for group in self._groups
        ]
        self._starts = list(accumulate(self.group_sizes, initial=0))
        self.n_rows = self._starts[-1]

    def read(self, group: int, columns: Sequence[str], n_rows: int) -> Iterator[Part]:
        """Yield the rows of a row group."""
        pa = _import()
        batches = self._groups[group].to_batches(
            schema=self.schema,
            columns=list(columns),
            batch_size=n_rows,
            batch_readahead=1,
            # What Arrow's other pools free, only Arrow can use again.
            memory_pool=pa.system_memory_pool(),
            fragment_scan_options=self._options,
            use_threads=False,
        )
        tables = (pa.Table.from_batches([batch]) for batch in batches)
        return _cut(tables, n_rows, start=self._starts[group])

    def digest(self) -> str:
        """Return a digest of the metadata: sizes, and the least and largest values."""
        found = sha256()
        for group in self._groups:
            for each in group.row_groups:
                found.update(repr((each.num_rows, each.total_byte_size, each.statistics)).encode())
        return found.hexdigest()


class Query(Source):
    """The result of a query, which runs anew whenever its rows are read.

    It must give the same rows in the same order every time. They are one group.

    Parameters
    ----------
    query : LazyFrame of polars, or object with ``__arrow_c_stream__``
        The query, or a table in memory.
    """

    def __init__(self, query: Any) -> None:
        self._query = query
        self.schema, batches = self._run(2**16)
        self.n_rows = sum(len(batch) for batch in batches)
        self.group_sizes = [self.n_rows]

    def _run(self, n_rows: int) -> tuple[Any, Iterator[Any]]:
        """Return the schema of the result, and its rows in record batches."""
        pa = _import()
        if hasattr(self._query, "collect_batches"):
            frames = self._query.collect_batches(chunk_size=n_rows, maintain_order=True)
            schema = self._query.head(0).collect().to_arrow().schema
            return schema, (batch for frame in frames for batch in frame.to_arrow().to_batches())
        reader = pa.RecordBatchReader.from_stream(self._query)
        return reader.schema, iter(reader)

    def read(self, group: int, columns: Sequence[str], n_rows: int) -> Iterator[Part]:
        """Yield the rows of the result."""
        pa = _import()
        tables = (
            pa.Table.from_batches([batch]).select(list(columns)) for batch in self._run(n_rows)[1]
        )
        return _cut(tables, n_rows)


def open_source(source: Any) -> Source:
    """Return the rows that a user names.

    Parameters
    ----------
    source : str, path-like, list, LazyFrame or object with ``__arrow_c_stream__``
        Parquet files or a query.

    Returns
    -------
    Source
        The rows.

    Raises
    ------
    TypeError
        If it is something else.
    ValueError
        If there are no rows, or the columns of files differ.
    ImportError
        If pyarrow is not installed.
    """
    if hasattr(source, "collect_batches") or hasattr(source, "__arrow_c_stream__"):
        opened: Source = Query(source)
    elif isinstance(source, str | os.PathLike) or (
        isinstance(source, list) and all(isinstance(path, str | os.PathLike) for path in source)
    ):
        opened = ParquetFiles(source)
    else:
        raise TypeError(
            "source must be the path of a Parquet file or of a folder with such files, a list of "
            "paths, a LazyFrame of polars 1.34 or later, or an object with __arrow_c_stream__, got "
            f"a {type(source).__name__}."
        )
    if opened.n_rows == 0:
        raise ValueError(f"the table must have at least one row, got none from {source!r}.")
    return opened


def index_columns(schema: Any) -> list[str]:
    """Return the columns that pandas has written as the index of a table."""
    metadata = schema.pandas_metadata or {}
    # The index of numbered rows is described by a dict, and is no column.
    return [name for name in metadata.get("index_columns", []) if isinstance(name, str)]


def concatenate(tables: Sequence[Any]) -> Any:
    """Return tables of pyarrow, one below the other."""
    return _import().concat_tables(tables)


def join(tables: list[Any]) -> Any:
    """Return tables as one, of which the caller keeps nothing."""
    table = tables[0] if len(tables) == 1 else concatenate(tables)
    tables.clear()
    return table


def _cut(tables: Iterable[Any], n_rows: int, *, start: int = 0) -> Iterator[Part]:
    """Yield the rows of tables in parts of one size; Arrow's batches may be of any.

    Parameters
    ----------
    tables : iterable of pyarrow.Table
        The tables, one below the other.
    n_rows : int
        The number of rows in a part. The last one has what is left.
    start : int, default=0
        The number of the first row.

    Yields
    ------
    Part
        Some rows.
    """
    gathered: list[Any] = []
    missing = n_rows
    for table in tables:
        first = 0
        while first < len(table):
            gathered.append(table.slice(first, missing))
            first += len(gathered[-1])
            missing -= len(gathered[-1])
            if missing == 0:
                yield Part(start, join(gathered))
                start, missing = start + n_rows, n_rows
    if gathered:
        yield Part(start, join(gathered))


def _check_schemas(fragments: Sequence[Any], schema: Any) -> None:
    """Raise a ValueError that names the first file whose columns are not those of the others."""
    keys = _import("dataset").get_partition_keys
    expected = {field.name: field.type for field in schema}
    for fragment in fragments:
        of_folders = keys(fragment.partition_expression)
        found = {field.name: field.type for field in fragment.physical_schema}
        found |= {name: expected[name] for name in of_folders}
        if found == expected:
            continue
        names = [name for name in expected | found if expected.get(name) != found.get(name)]
        differences = ", ".join(
            f"{name!r} is {found.get(name, 'absent')} and was {expected.get(name, 'absent')}"
            for name in names[:_SHOWN]
        )
        raise ValueError(
            f"all Parquet files must have the same columns, but the file {fragment.path!r} differs "
            f"from {fragments[0].path!r}: {differences}. Write the files with one schema, or pass "
            "a list of those that have it."
        )


def _import(module: str | None = None) -> Any:
    """Return pyarrow, or one of its modules."""
    try:
        import pyarrow
        import pyarrow.dataset
    except ImportError as error:
        raise ImportError(_MISSING) from error
    return pyarrow if module is None else getattr(pyarrow, module)
