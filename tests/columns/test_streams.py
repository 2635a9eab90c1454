"""Streams: what the first chunk lacks can come later, or is worth a word."""

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_array_equal

from sk_mmoe import MMoEClassifier

FIRST = pd.DataFrame({"age": np.arange(30.0), "city": ["Bern", "Oslo", "Rome"] * 10})
LABELS = np.arange(30) % 2


def test_missing_values_have_codes_before_they_come(learn, read):
    reader = learn(FIRST, of_stream=True)
    later = FIRST.head(3).copy()
    later.loc[0, "age"], later.loc[1, "city"] = np.nan, None
    codes = read(reader, later)[1]
    assert codes[0, 0] == reader.n_codes[0]
    assert codes[1, 1] == sum(reader.n_codes)


def test_a_stream_learns_from_gaps_that_its_first_chunk_lacked():
    rng = np.random.default_rng(0)
    model = MMoEClassifier(learning_rate_init=3e-3, random_state=0)
    model.partial_fit(FIRST, LABELS, classes=[0, 1])
    for _ in range(60):
        chunk = FIRST.sample(64, replace=True, random_state=rng).reset_index(drop=True)
        gap = rng.random(64) < 0.5
        model.partial_fit(chunk.assign(age=chunk["age"].mask(gap)), gap.astype(int))
    proba = model.predict_proba(pd.concat([FIRST, FIRST.assign(age=np.nan)]))[:, 1]
    assert proba[30:].min() > proba[:30].max()


def test_new_categories_are_worth_a_warning_where_a_stream_learns(learn, read):
    reader = learn(FIRST, of_stream=True)
    later = FIRST.assign(city="Kiel")
    with pytest.warns(UserWarning, match=r"lacked values of column 'city' such as 'Kiel'"):
        reader.read(later.head(3), dtype="float32", to_learn=True)
    # To predict them is the business of every day.
    assert not read(reader, later.head(3))[1][:, 1].any()
    declared = FIRST.astype({"city": pd.CategoricalDtype(["Bern", "Kiel", "Oslo", "Rome"])})
    reader = learn(declared, of_stream=True)
    assert read(reader, later, to_learn=True)[1][:, 1].all()


EMPTY = {
    "no number": {"age": np.nan},
    "one number": {"age": 3.0},
    "no category": {"city": pd.Categorical([None] * 30)},
    "one category": {"city": "Bern"},
}


@pytest.mark.parametrize("columns", EMPTY.values(), ids=EMPTY)
def test_columns_that_say_nothing_in_the_first_chunk_are_worth_a_warning(learn, columns):
    (name,) = columns
    message = rf"fewer than two values to tell apart in the columns \['{name}'\]"
    with pytest.warns(UserWarning, match=message):
        learn(FIRST.assign(**columns), of_stream=True)
    learn(FIRST.assign(**columns))  # a whole table may have such columns


def test_strings_after_a_chunk_without_any_are_an_error(learn, read):
    first = FIRST.assign(city=pd.Series([None] * 30, dtype=object))
    with pytest.warns(UserWarning, match=r"\['city'\]"):
        reader = learn(first, of_stream=True)
    for n_rows in (1, 30):
        with pytest.raises(ValueError, match=r"the columns \['city'\] cannot be read as numbers"):
            read(reader, FIRST.head(n_rows))


def test_chunks_of_another_library_are_the_same_stream(learn, read):
    polars = pytest.importorskip("polars")
    reader = learn(FIRST, of_stream=True)
    for one, other in zip(
        read(reader, FIRST, to_learn=True),
        read(reader, polars.from_pandas(FIRST), to_learn=True),
        strict=True,
    ):
        assert_array_equal(one, other)
