"""Lazy tables: every row once, in an order that mixes groups, from files and from queries."""

from itertools import chain
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sk_mmoe.streaming import LazyTable

NOTHING = np.empty(0, dtype=np.int64)


@pytest.fixture
def frame():
    """Return a table whose rows have numbers."""
    numbers = np.arange(1000)
    return pl.DataFrame({"row": numbers, "half": numbers / 2, "label": numbers % 3})


@pytest.fixture
def folder(frame, tmp_path):
    """Return a folder with the table in three files, in 26 row groups."""
    for k, part in enumerate((frame[:300], frame[300:320], frame[320:])):
        pq.write_table(part.to_arrow(), tmp_path / f"part{k}.parquet", row_group_size=42)
    return tmp_path


def rows_of(tables):
    """Return the numbers of the rows of tables."""
    return list(chain.from_iterable(table.column("row").to_pylist() for table in tables))


def test_parts_are_all_rows_in_their_order(folder):
    table = LazyTable(folder, targets=["label"], buffer_rows=30)
    parts = list(table.parts(["row", "label"]))
    assert len(table) == 1000
    assert rows_of(part.rows for part in parts) == list(range(1000))
    assert all(part.start == part.rows.column("row")[0].as_py() for part in parts)
    assert max(len(part.rows) for part in parts) <= 30


def test_batches_have_the_features_alone(folder):
    table = LazyTable(folder, targets="label", sample_weight="half")
    assert [batch.column_names for batch in table.batches()] == [["row"]] * 26
    assert LazyTable(folder, features=["half"]).shape == (1000, 1)


@pytest.mark.parametrize("name", [None, "key"])
def test_the_index_of_pandas_is_no_feature_unless_it_is_named(frame, tmp_path, name):
    rows = frame.to_pandas().query("row % 3 > 0").rename_axis(name)
    rows.to_parquet(tmp_path / "rows.parquet")
    for source in (tmp_path / "rows.parquet", rows):
        table = LazyTable(source, targets=["label"])
        assert table.feature_names == ["row", "half"]
        column = name or "__index_level_0__"
        assert LazyTable(source, features=[column, "half"]).feature_names == [column, "half"]


@pytest.mark.parametrize("buffer_rows", [1, 90, 10_000])
def test_blocks_have_every_row_once_but_those_left_out(folder, buffer_rows):
    table = LazyTable(folder, targets=["label"], buffer_rows=buffer_rows)
    rng = np.random.default_rng(0)
    without = np.sort(rng.choice(1000, 150, replace=False))
    blocks = list(table.blocks(rng.permutation(len(table.group_sizes)).tolist(), without))
    assert sorted(rows_of(blocks)) == sorted(set(range(1000)) - set(without.tolist()))
    assert all(len(block) >= buffer_rows for block in blocks[:-1])


def test_a_buffer_mixes_groups_from_all_over_the_table(folder):
    table = LazyTable(folder, targets=["label"], buffer_rows=80)
    order = np.random.default_rng(0).permutation(len(table.group_sizes)).tolist()
    first = rows_of([next(table.blocks(order, NOTHING))])
    starts = {group: next(iter(table._source.read(group, ["row"], 1))).start for group in order}
    assert set(first) >= {starts[group] for group in order[:8]}


def test_a_table_that_changes_while_it_is_read_is_refused(folder, frame):
    for longer in (False, True):
        rows = frame.to_arrow()
        table = LazyTable(rows, targets=["label"], buffer_rows=90)
        table._source._query = pa.concat_tables([rows] * 2) if longer else rows[:900]
        with pytest.raises(ValueError, match="not those that the table had when it was opened"):
            list(table.blocks([0], NOTHING))


def test_the_folders_of_a_partitioned_table_are_a_column(frame, tmp_path):
    pq.write_to_dataset(frame.to_arrow(), tmp_path, partition_cols=["label"])
    table = LazyTable(tmp_path, targets=["label"])
    rows = pa.concat_tables([part.rows for part in table.parts(["row", "label"])])
    assert rows.column("label").to_pylist() == [n % 3 for n in rows.column("row").to_pylist()]
    assert table.feature_names == ["row", "half"]


class Stream:
    """An object that knows nothing but Arrow's protocol of streams, as DuckDB's relations do."""

    def __init__(self, frame):
        self.frame = frame

    def __arrow_c_stream__(self, requested_schema=None):
        return self.frame.to_arrow().__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize("query", [lambda frame: frame.lazy(), Stream], ids=["polars", "Arrow"])
def test_queries_run_anew_for_each_pass(frame, query):
    frame = frame.with_columns(name=pl.lit("a") + pl.col("row").cast(pl.String))
    table = LazyTable(query(frame), targets=["label"], buffer_rows=128)
    assert table.shape == (1000, 3)
    for _ in range(2):
        batches = list(table.batches())
        assert rows_of(batches) == list(range(1000))
        assert max(map(len, batches)) <= 128
    without = np.arange(0, 1000, 2)
    blocks = list(table.blocks([0], without))
    assert rows_of(blocks) == list(range(1, 1000, 2))
    assert blocks[0].column("name")[0].as_py() == "a1"


def test_files_with_other_columns_are_refused(folder, frame):
    other = frame.with_columns(half=pl.lit(1, pl.Int64)).drop("label")
    pq.write_table(other.to_arrow(), folder / "part9.parquet")
    with pytest.raises(ValueError, match=r"part9.*'half' is int64 and was double.*'label' is abs"):
        LazyTable(folder)


def test_columns_of_a_file_may_have_another_order(folder, frame):
    pq.write_table(frame.select("label", "half", "row").to_arrow(), folder / "part9.parquet")
    last = list(LazyTable(folder).batches())[-1]
    assert last.column_names == ["row", "half", "label"]
    assert last.column("row")[-1].as_py() == 999


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"targets": ["label", "price"]}, r"targets names the columns \['price'\].*does not have"),
        ({"targets": ["label", "label"]}, "'label'.*more than once"),
        ({"sample_weight": "weight"}, r"sample_weight names the columns \['weight'\]"),
        ({"features": ["row", "label"], "targets": "label"}, "'label'.*targets or weights"),
        ({"buffer_rows": 0}, "buffer_rows must be a positive integer, got 0"),
    ],
)
def test_bad_arguments_are_named(folder, arguments, message):
    with pytest.raises(ValueError, match=message):
        LazyTable(folder, **arguments)


def test_bad_sources_are_named(tmp_path, frame):
    with pytest.raises(ValueError, match="no Parquet file in"):
        LazyTable(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"absent\.parquet"):
        LazyTable(tmp_path / "absent.parquet")
    with pytest.raises(TypeError, match=r"source must be the path.* got a int"):
        LazyTable(1)
    pq.write_table(frame[:0].to_arrow(), tmp_path / "empty.parquet")
    with pytest.raises(ValueError, match="at least one row"):
        LazyTable(Path(tmp_path))


def test_without_pyarrow_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"sk_mmoe\[parquet\]"):
        LazyTable("folder")
