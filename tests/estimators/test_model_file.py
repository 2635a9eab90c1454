"""Files of models: what is damaged, foreign or made up is refused, and nothing is lost."""

import datetime as dt
import errno
import json
import os
import struct
import tracemalloc
from decimal import Decimal
from enum import Enum
from hashlib import sha256
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from safetensors import safe_open
from safetensors.torch import load_file, save

import sk_mmoe
from sk_mmoe import MMoEClassifier, MMoERegressor, PLERegressor, load_model, save_model
from sk_mmoe.estimators._model_file import write_model
from sk_mmoe.estimators._plain import from_plain, to_plain
from sk_mmoe.tasks._labels import as_objects

RNG = np.random.default_rng(0)
N_ROWS = 60
TABLE = pd.DataFrame(
    {
        "number": RNG.normal(size=N_ROWS),
        "category": pd.Categorical(RNG.choice(list("uvw"), N_ROWS)),
        "word": RNG.choice(["a", "b"], N_ROWS),
    }
)
Y = np.where(np.column_stack([TABLE["number"] > 0, TABLE["word"] == "a"]), "yes", "no")


class Grade(Enum):
    """Labels of a type that only its own code defines."""

    LOW = 1
    HIGH = 2


SMALL = {
    "n_experts": 2,
    "expert_hidden_layer_sizes": (4,),
    "tower_hidden_layer_sizes": (),
    "max_iter": 1,
    "random_state": 0,
}
ONE_TMP_PATH = settings(
    deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.fixture(scope="module")
def model():
    return MMoEClassifier(**SMALL).fit(TABLE, Y)


@pytest.fixture(scope="module")
def content(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("model") / "model.safetensors"
    save_model(model, path)
    return path.read_bytes()


def refused(path):
    """Assert that a file is refused by a ValueError which names it."""
    with pytest.raises(ValueError, match=r"model\.safetensors") as error:
        load_model(path)
    return str(error.value)


@given(data=st.data())
@ONE_TMP_PATH
def test_a_file_with_a_flipped_bit_is_refused(tmp_path, content, data):
    path = tmp_path / "model.safetensors"
    flipped = bytearray(content)
    flipped[data.draw(st.integers(0, len(content) - 1))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(flipped)
    refused(path)


@given(data=st.data())
@ONE_TMP_PATH
def test_a_file_that_is_cut_or_goes_on_is_refused(tmp_path, content, data):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    refused(path)
    path.write_bytes(content + data.draw(st.binary(min_size=1, max_size=20)))
    refused(path)


NESTED = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    "foreign",
    [
        b"",
        b"garbage",
        bytes(1000),
        b"\xff" * 1000,
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 10**7) + b"{}",
        struct.pack("<Q", 2) + b"[]",
        struct.pack("<Q", 4) + b"null",
        struct.pack("<Q", len(NESTED)) + NESTED,
        save({"weight": torch.zeros(2)}),
        save({"weight": torch.zeros(2)}, {"sk_mmoe": "no JSON"}),
        save({"weight": torch.zeros(2)}, {"sk_mmoe": "[]"}),
        save({"weight": torch.zeros(2)}, {"sk_mmoe": NESTED.decode()}),
    ],
    ids=range(13),
)
def test_a_foreign_file_is_refused(tmp_path, foreign):
    path = tmp_path / "model.safetensors"
    path.write_bytes(foreign)
    refused(path)


def test_a_file_that_is_not_there_is_told_apart_from_a_damaged_one(tmp_path):
    with pytest.raises(FileNotFoundError, match="absent"):
        load_model(tmp_path / "absent.safetensors")


def test_a_device_that_is_not_there_is_no_fault_of_the_file(tmp_path, content):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="device 'toaster' cannot be used here"):
        load_model(path, device="toaster")


# -- files that someone made up, with a checksum that is right ---------------------------------


def rewrite(path, change):
    """Write a model's file again with a changed description, and a checksum that is right."""
    with safe_open(path, "pt") as file:
        description = from_plain(json.loads(file.metadata()["sk_mmoe"])["model"])
    change(description)
    write_model(path, description, load_file(path))


def set_parameter(name, value):
    return lambda description: description["parameters"].update({name: value})


HUGE = {
    "experts": set_parameter("n_experts", 10**9),
    "experts of a size that fits": set_parameter("n_experts", 40),
    "levels": set_parameter("n_levels", 10**9),
    "layers": set_parameter("expert_hidden_layer_sizes", (10**9,)),
    "small layers": set_parameter("trunk_hidden_layer_sizes", (4,) * 1000),
    "cross layers": set_parameter("n_cross_layers", 10**9),
    "dimensions": set_parameter("embedding_dim", 10**9),
    "dimensions that were left open": lambda description: (
        description["parameters"].update(embedding_dim="auto"),
        description["model"].update(embedding_dim=10**9),
    ),
    "members": lambda description: description["model"].update(seeds=list(range(10**4))),
    "a name": lambda description: description.update(estimator="dict"),
    "no parameters": lambda description: description.pop("parameters"),
    "no model": lambda description: description.update(model=None),
    "no reader": lambda description: description["model"].update(reader={}),
    "no task": lambda description: description["model"]["tasks"].update(tasks=[]),
    "a bad parameter": set_parameter("dropout", "much"),
    "an unknown parameter": set_parameter("n_heads", 3),
    "a history of nothing": lambda description: description["model"].update(history=3),
}


@pytest.mark.parametrize("change", HUGE.values(), ids=HUGE)
def test_what_does_not_fit_the_weights_is_refused_before_memory_is_taken(tmp_path, content, change):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    rewrite(path, change)
    tracemalloc.start()
    try:
        refused(path)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("dtype", ["<U100000000", "S400000000", "V400000000", "100000000f8"])
def test_the_type_of_an_array_takes_no_memory(dtype):
    value = {"kind": "array", "dtype": dtype, "items": ["a"]}
    if dtype[0] in "<S":
        assert from_plain(value).nbytes < 10_000
    else:
        with pytest.raises(ValueError, match="are not saved"):
            from_plain(value)


@pytest.mark.parametrize("name", sorted(name for name in sk_mmoe.__all__ if name[0].isupper()))
@pytest.mark.parametrize("n_members", [1, 2])
@pytest.mark.parametrize("of_numbers", [True, False])
def test_shapes_of_all_networks_are_known_before_they_are_built(
    tmp_path, name, n_members, of_numbers
):
    X = TABLE[["number"]].to_numpy() if of_numbers else TABLE
    y = Y if name.endswith("Classifier") else (Y == "yes").astype(float)
    model = getattr(sk_mmoe, name)(n_members=n_members, max_iter=1, random_state=0).fit(X, y)
    save_model(model, tmp_path / "model.safetensors")
    again = load_model(tmp_path / "model.safetensors")
    assert_array_equal(again.predict(X), model.predict(X))


@pytest.mark.parametrize(
    "model",
    [
        MMoERegressor(n_experts=1, expert_hidden_layer_sizes=(), tower_hidden_layer_sizes=()),
        MMoERegressor(gate="dselect_k", n_active_experts=2, n_experts=3, n_levels=2),
        MMoERegressor(gate="top_k", trunk_hidden_layer_sizes=(3, 2), normalize_experts=True),
        MMoERegressor(embedding_dim=None),
        MMoERegressor(embedding_dim=1, n_cross_layers=0, numeric_encoding=None),
        PLERegressor(n_levels=3, n_shared_experts=1, n_task_experts=1),
    ],
    ids=str,
)
def test_networks_of_unusual_shapes_are_loaded(tmp_path, model):
    model.set_params(max_iter=1, random_state=0).fit(TABLE, (Y == "yes").astype(float))
    save_model(model, tmp_path / "model.safetensors")
    again = load_model(tmp_path / "model.safetensors")
    assert_array_equal(again.predict(TABLE), model.predict(TABLE))


# -- writing -----------------------------------------------------------------------------------


@pytest.fixture
def full_disk(monkeypatch):
    """Let every write fail, as on a full disk."""

    def fail(descriptor):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", fail)


def test_a_full_disk_leaves_the_last_good_file(tmp_path, model, content, full_disk):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(OSError, match=r"cannot be written: No space left.*model\.safetensors") as e:
        save_model(model, path)
    assert e.value.errno == errno.ENOSPC
    assert e.value.filename == str(path)
    assert path.read_bytes() == content
    assert os.listdir(tmp_path) == ["model.safetensors"]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs the device that is always full")
def test_a_device_is_written_to_and_not_replaced(model):
    with pytest.raises(OSError, match="No space left"):
        save_model(model, "/dev/full")
    assert Path("/dev/full").is_char_device()


def test_a_folder_that_is_absent_is_named(tmp_path, model):
    with pytest.raises(FileNotFoundError, match=r"cannot be written.*absent"):
        save_model(model, tmp_path / "absent" / "model.safetensors")


def test_a_link_stays_a_link(tmp_path, model, content):
    real, link = tmp_path / "real.safetensors", tmp_path / "link.safetensors"
    link.symlink_to(real)
    save_model(model, link)
    assert link.is_symlink()
    assert real.read_bytes() == content


@pytest.mark.parametrize(
    "labels",
    [
        pd.interval_range(0, 2),
        pd.period_range("2026-01", periods=2, freq="M"),
        pd.date_range("2026-01-01", periods=2, tz="Europe/Berlin"),
        [dt.date(2026, 1, 1), dt.date(2027, 1, 1)],
        [Decimal("1.5"), Decimal("2.5")],
    ],
    ids=lambda labels: type(labels[0]).__name__,
)
def test_labels_and_categories_of_any_type_come_back(tmp_path, labels):
    y = pd.Series(labels)[(TABLE["number"] > 0).astype(int)].reset_index(drop=True)
    X = TABLE.assign(cut=pd.cut(TABLE["number"], [-9, -1, 0, 1, 9]))
    model = MMoEClassifier(**SMALL).fit(X, y)
    save_model(model, tmp_path / "model.safetensors")
    again = load_model(tmp_path / "model.safetensors")
    assert list(again.classes_) == list(model.classes_) == list(labels)
    assert list(again.predict(X)) == list(model.predict(X))
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_what_cannot_be_expressed_leaves_the_last_good_file(tmp_path, content):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    model = MMoEClassifier(**SMALL).fit(TABLE, as_objects([*Grade])[(TABLE["number"] > 0) * 1])
    with pytest.raises(TypeError, match="of type Grade cannot be saved"):
        save_model(model, path)
    assert path.read_bytes() == content


def test_the_checksum_is_that_of_the_file_with_zeros_in_its_place(content):
    with_zeros = bytearray(content)
    start = content.index(b'sha256\\": \\"') + len(b'sha256\\": \\"')
    with_zeros[start : start + 64] = b"0" * 64
    assert sha256(with_zeros).hexdigest().encode() == content[start : start + 64]


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text()
    | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner, inner),
    max_leaves=10,
)


@given(value=PLAIN)
@settings(deadline=None)
def test_plain_values_come_back(value):
    assert from_plain(json.loads(json.dumps(to_plain(value)))) == value


UTC, EAST = dt.UTC, dt.timezone(dt.timedelta(hours=5, minutes=30))
TYPED = [
    Decimal("1.50"),
    UUID(int=3),
    dt.date(2026, 2, 28),
    dt.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=ZoneInfo("Europe/Berlin")),
    dt.datetime(2026, 1, 1, 0, 0, 0, 7, tzinfo=EAST),
    dt.timedelta(days=-1, microseconds=3),
    pd.Timestamp("2026-01-01 01:02:03.123456789"),
    pd.Timestamp("1600-01-01").as_unit("s"),
    pd.Timestamp("2026-10-25 00:30", tz="UTC").tz_convert("Europe/Berlin"),
    pd.Timestamp("2026-01-01", tz=UTC),
    pd.Timedelta(5, unit="ns"),
    pd.Period("2026Q3", freq="Q-NOV"),
    pd.Interval(-1.5, 2.0, closed="left"),
    pd.Interval(pd.Timestamp("2026"), pd.Timestamp("2027")),
    (pd.Period("2026", freq="Y"), Decimal("Infinity")),
]


@pytest.mark.parametrize("value", TYPED, ids=repr)
def test_dates_decimals_and_intervals_come_back(value):
    again = from_plain(json.loads(json.dumps(to_plain(value))))
    assert type(again) is type(value)
    assert again == value
    assert hash(again) == hash(value)
    assert repr(again) == repr(value)


@pytest.mark.parametrize(
    "labels",
    [
        np.array([1, 2], dtype=np.int8),
        np.array([0.1, np.nan], dtype=np.float32),
        np.array(["a", "bcd"]),
        np.array([b"a", b"bcd"]),
        np.array(["2026-01-01", "NaT"], dtype="datetime64[ns]"),
        np.array([1, -2], dtype="timedelta64[us]"),
        as_objects([("a", 1), ("b", 2)]),
        np.array(["a" * 2000, "b"]),
        np.array([True, False]),
    ],
    ids=lambda labels: str(labels.dtype)[:20],
)
def test_arrays_come_back_in_their_type(labels):
    again = from_plain(json.loads(json.dumps(to_plain(labels))))
    assert again.dtype == labels.dtype
    assert_array_equal(again, labels)
