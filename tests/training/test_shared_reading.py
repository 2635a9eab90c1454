"""Processes that train together on a table in files read it once between them."""

import os
from collections import Counter

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.testing import assert_array_equal

from sk_mmoe import SharedBottomMixedPredictor
from sk_mmoe.callbacks import TrainingCheckpoint
from sk_mmoe.estimators import _look_through
from sk_mmoe.estimators._look_through import look_through
from sk_mmoe.streaming import LazyTable
from sk_mmoe.streaming._sources import ParquetFiles, Query
from sk_mmoe.training._processes import Processes

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="the tests fork processes")

N_ROWS = 400
TARGETS = ["click", "level", "watch_time"]
# In order, and after them a group with the 84 rows that are left.
GROUPS = [60, 7, 49, 60, 60, 11, 60, 9]
# float64, so that sums in another order do not grow into other numbers.
SMALL = {
    "hidden_layer_sizes": (8,),
    "tower_hidden_layer_sizes": (4,),
    "max_iter": 2,
    "dtype": "float64",
    "random_state": 0,
    "batch_size": 50,
    "n_members": 1,
}


@pytest.fixture
def frame(table):
    """Return a table in which rows have no label, and labels and categories occur late."""
    X, y = table
    rng = np.random.default_rng(0)
    X = X.assign(
        city=rng.choice(["Rome", "Oslo", "Lima"], N_ROWS),
        weight=rng.uniform(0.5, 2, N_ROWS),
    )
    X.loc[150:153, "city"] = "Bern"
    y = y.astype({"click": float}).mask(rng.random(y.shape) < 0.3)
    y[rng.random(N_ROWS) < 0.2] = None
    y.loc[[301, 340], "level"] = "rare"
    return pd.concat([X, y], axis=1)


@pytest.fixture
def folder(frame, tmp_path):
    """Return a folder with the table in three files, with row groups of unequal sizes."""
    folder = tmp_path / "table"
    folder.mkdir()
    rows = pa.Table.from_pandas(frame, preserve_index=False)
    ends = np.cumsum([0, *GROUPS, N_ROWS - sum(GROUPS)])
    for file in range(3):
        with pq.ParquetWriter(folder / f"part{file}.parquet", rows.schema) as writer:
            for k in range(3 * file, 3 * file + 3):
                writer.write_table(rows.slice(ends[k], ends[k + 1] - ends[k]))
    return folder


@pytest.fixture
def small_sample(monkeypatch):
    """Let a pass before training sample a part of the rows."""
    monkeypatch.setattr(_look_through, "_SAMPLE_ROWS", 150)
    monkeypatch.setattr(_look_through, "_MANY_LABELS", 5)


@pytest.fixture
def reads(monkeypatch):
    """Return how often this process has read each row with its labels."""
    counts = Counter()

    def count(read):
        def counting(source, group, columns, n_rows):
            for part in read(source, group, columns, n_rows):
                if TARGETS[0] in columns:
                    counts.update(range(part.start, part.start + len(part.rows)))
                yield part

        return counting

    for kind in (ParquetFiles, Query):
        monkeypatch.setattr(kind, "read", count(kind.read))
    return counts


def lazy(source, **settings):
    """Return the lazy table of a source, with weights of the rows."""
    return LazyTable(source, TARGETS, sample_weight="weight", **{"buffer_rows": 100} | settings)


CASES = {
    "two processes": ({}, 2),
    "three processes": ({"class_weight": "balanced", "early_stopping": False}, 3),
    "batches in which a process has no row": ({"batch_size": 3, "max_iter": 1}, 2),
}


@pytest.mark.parametrize("case", CASES)
def test_processes_learn_what_one_learns_and_read_each_row_once_in_a_pass(
    case, folder, reads, small_sample, run_in_group, learned, assert_same
):
    parameters, n_processes = CASES[case]
    model = SharedBottomMixedPredictor(**SMALL | parameters)
    alone = learned(model.fit(lazy(folder)))
    n_passes = 1 + model.max_iter
    assert set(reads.values()) == {n_passes}
    model.set_params(net_params={"distributed": True})

    def train(_):
        reads.clear()
        return learned(model.fit(lazy(folder))), reads

    found = run_in_group(train, n_processes)
    for own, read in found:
        assert_same(own, alone, rtol=1e-6, atol=1e-9)
        for name, value in found[0][0][0].items():
            assert_array_equal(own[0][name], value)
        assert sum(read.values()) < n_passes * N_ROWS * (1 / n_processes + 0.2)
    assert sum((read for _, read in found), Counter()) == dict.fromkeys(range(N_ROWS), n_passes)


@pytest.mark.parametrize("source", ["members", "one group", "a query"])
def test_what_cannot_be_shared_is_read_by_each(
    source, frame, folder, reads, run_in_group, learned, assert_same
):
    model = SharedBottomMixedPredictor(**SMALL | {"n_members": 1 + (source == "members")})
    if source == "one group":
        frame.to_parquet(folder / "part0.parquet", index=False)
    rows = {"members": folder, "one group": folder / "part0.parquet", "a query": frame}[source]
    alone = learned(model.fit(lazy(rows)))
    model.set_params(net_params={"distributed": True})

    def train(_):
        reads.clear()
        return learned(model.fit(lazy(rows))), reads

    n_passes = [2, 2] if source == "members" else [3, 3]
    for (own, read), n in zip(run_in_group(train), n_passes, strict=True):
        assert_same(own, alone, rtol=1e-6, atol=1e-9)
        assert min(read[row] for row in range(N_ROWS)) == n


def test_more_processes_than_groups(frame, tmp_path, run_in_group, learned, assert_same):
    frame.to_parquet(tmp_path / "table.parquet", index=False, row_group_size=200)
    model = SharedBottomMixedPredictor(**SMALL)
    alone = learned(model.fit(lazy(tmp_path / "table.parquet")))
    model.set_params(net_params={"distributed": True})
    for own in run_in_group(lambda _: learned(model.fit(lazy(tmp_path / "table.parquet"))), 3):
        assert_same(own, alone, rtol=1e-6, atol=1e-9)


def test_a_checkpoint_resumes_all_processes(folder, tmp_path, run_in_group, learned, assert_same):
    def train(_):
        settings = SMALL | {"net_params": {"distributed": True}}
        settings["callbacks"] = [TrainingCheckpoint(tmp_path / "run.pt")]
        SharedBottomMixedPredictor(**settings | {"max_iter": 1}).fit(lazy(folder))
        return learned(SharedBottomMixedPredictor(**settings).fit(lazy(folder)))

    alone = learned(SharedBottomMixedPredictor(**SMALL).fit(lazy(folder)))
    for own in run_in_group(train):
        assert_same(own, alone, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("n_labels", [5, 100])
def test_the_sample_and_the_counts_are_those_of_one_process(
    n_labels, folder, small_sample, monkeypatch, run_in_group
):
    monkeypatch.setattr(_look_through, "_MANY_LABELS", n_labels)

    def look(processes):
        sample = look_through(lazy(folder), "from_dtype", count=True, processes=processes)
        city = sample.X.names.index("city")
        labels = sample.X.labels(city)
        counts = dict(zip([*labels.values, None], labels.tally().tolist(), strict=True))
        return sample.places, sample.X.native.to_pandas(), sample.y, sample.sample_weight, counts

    alone = look(None)
    assert 150 < len(alone[0]) < N_ROWS
    assert "rare" in set(alone[2]["level"])
    assert sum(alone[-1].values()) == N_ROWS
    for places, X, y, weights, counts in run_in_group(lambda _: look(Processes()), 3):
        assert_array_equal(places, alone[0])
        pd.testing.assert_frame_equal(X, alone[1])
        pd.testing.assert_frame_equal(y, alone[2])
        assert_array_equal(weights, alone[3])
        assert counts == alone[-1]


@pytest.mark.parametrize("pass_", ["first pass", "epoch"])
def test_a_process_that_cannot_read_stops_all(pass_, folder, reads, monkeypatch, run_in_group):
    read = ParquetFiles.read

    def train(rank):
        def fail(source, group, columns, n_rows):
            if rank == 1 and (pass_ == "first pass" or reads.total() > N_ROWS):
                raise OSError("the disk is gone")
            return read(source, group, columns, n_rows)

        monkeypatch.setattr(ParquetFiles, "read", fail)
        model = SharedBottomMixedPredictor(**SMALL, net_params={"distributed": True})
        return model.fit(lazy(folder))

    first, second = run_in_group(train)
    assert "RuntimeError: the process of rank 1 failed with OSError: the disk is gone" in first
    assert "OSError: the disk is gone" in second


def test_processes_with_different_files_are_refused(frame, folder, run_in_group):
    frame.assign(x0=-1.0)[:67].to_parquet(folder / "part9.parquet", index=False)

    def train(rank):
        files = sorted(folder.glob("*.parquet"))
        table = lazy([*files[:2], files[2 + rank]])
        return SharedBottomMixedPredictor(**SMALL, net_params={"distributed": True}).fit(table)

    for message in run_in_group(train):
        assert "differ in: the LazyTable: rows (pass the same files in each process)" in message


def test_a_warm_start_in_one_process_only_is_refused(folder, run_in_group):
    model = SharedBottomMixedPredictor(**SMALL, warm_start=True).fit(lazy(folder))

    def train(rank):
        fitted = model if rank else SharedBottomMixedPredictor(**model.get_params())
        return fitted.set_params(net_params={"distributed": True}).fit(lazy(folder))

    for message in run_in_group(train):
        assert "differ in: warm start" in message
