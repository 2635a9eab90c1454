"""One-hot columns as a dense table, as a sparse one, and as codes with embeddings.

A table of 299,000 rows and 40 columns with cardinalities like Census-Income's. For every form: the
bytes of the table, the milliseconds of the experts' first layer on a batch, forwards and back (the
batch's own making is not in it, but where it is said), and the seconds of an epoch of `fit` on the
first 50,000 rows. The layer is measured with ten times as many categories in each column, too. The
dense layer and the lookups of the sparse one give the same numbers.

    OMP_WAIT_POLICY=passive python benchmarks/speed/lookups.py      # five minutes
"""

from functools import partial
from itertools import product

import numpy as np
import pandas as pd
import torch

from benchmarks._shared.record import write
from benchmarks._shared.timing import clock, take_turns
from benchmarks.speed._cases import epochs
from sk_mmoe import MMoEClassifier
from sk_mmoe.columns._reader import TableReader
from sk_mmoe.columns._tables import as_table
from sk_mmoe.nn import ColumnEmbedding, StackedLinear

CARDINALITIES = [2] * 3 + [3] * 8 + [5] * 7 + [8] * 8 + [15] * 5 + [24] * 3 + [43] * 3 + [50] * 3
N_ROWS, N_FITTED, N_EXPERTS = 299_000, 50_000, 8
BATCH_SIZES = {1: (256, 1024, 8192), 10: (256, 1024)}  # by how many times as many categories


def make_frame(n_rows, times):
    """Return a table in which one category of each column is frequent, as people's answers are."""
    rng = np.random.default_rng(0)
    columns = {}
    for k, n in enumerate(CARDINALITIES):
        rare = rng.integers(0, times * n, n_rows)
        columns[f"c{k}"] = pd.Categorical(np.where(rng.random(n_rows) < 0.7, 0, rare))
    return pd.DataFrame(columns)


def encode(X):
    """Return the table as one-hot columns and as codes, and the categories of each column."""
    readers = [
        TableReader.learn(
            X,
            estimator_name="MMoEClassifier",
            dtype="float32",
            categorical_features="from_dtype",
            numeric_encoding=None,
            n_knots="auto",
            embedding_dim=embedding_dim,
            category_smooth=0,
        )
        for embedding_dim in (None, 8)
    ]
    matrix, codes = (reader.read(X, dtype="float32") for reader in readers)
    return matrix, codes, readers[0].n_codes


def milliseconds(function, repeats=30):
    """Return the median time of a call."""
    seconds = [clock(function)[0] for _ in range(repeats + 3)]
    return round(1e3 * float(np.median(seconds[3:])), 3)


def first_layers(matrix, codes, n_categories, width, batch_size):
    """Return the milliseconds of the first layer on a batch of each form."""
    table = as_table(matrix)
    rows = torch.randperm(len(table))[:batch_size]
    layer = StackedLinear(N_EXPERTS, sum(n_categories), width)
    embedding = ColumnEmbedding(0, n_categories, 8)
    behind = StackedLinear(N_EXPERTS, embedding.out_features, width)
    dense, sparse, codes = table.dense(rows), table[rows], codes[rows]
    torch.testing.assert_close(layer(sparse), layer(dense))

    def step(run):
        for parameter in (*layer.parameters(), *embedding.parameters(), *behind.parameters()):
            parameter.grad = None
        run().sum().backward()

    return {
        "dense one-hot": milliseconds(lambda: step(lambda: layer(dense))),
        "sparse one-hot": milliseconds(lambda: step(lambda: layer(sparse))),
        "sparse one-hot, with its batch": milliseconds(lambda: step(lambda: layer(table[rows]))),
        "codes, embeddings of 8": milliseconds(lambda: step(lambda: behind(embedding(codes)))),
    }


def sizes(matrix, codes):
    """Return the megabytes of each form."""
    n_bytes = {
        "dense one-hot, float64": 8 * np.prod(matrix.shape),
        "dense one-hot, float32": 4 * np.prod(matrix.shape),
        "sparse one-hot, float32": sum(
            part.nbytes for part in (matrix.data, matrix.indices, matrix.indptr)
        ),
        "codes": codes.nbytes,
    }
    return {name: round(size / 1e6) for name, size in n_bytes.items()}


def all_first_layers():
    """Return the milliseconds of the first layer, by the number of categories, width and batch."""
    found = []
    for times, batch_sizes in BATCH_SIZES.items():
        *forms, n_categories = encode(make_frame(N_FITTED, times))
        for width, batch_size in product((16, 64), batch_sizes):
            case = {"categories": sum(n_categories), "width": width, "batch_size": batch_size}
            ms = first_layers(*forms, n_categories, width, batch_size)
            found.append(case | {"milliseconds": ms})
            print(found[-1], flush=True)
    return found


def all_fits(X, matrix, repeats=5):
    """Return the seconds of an epoch on each form, by the width of the experts and the batch."""
    rng = np.random.default_rng(1)
    effects = rng.normal(size=(matrix.shape[1], 2))
    y = matrix @ effects + rng.normal(size=(len(X), 2)) > 0
    forms = {
        "dense one-hot": (matrix.toarray(), {}),
        "sparse one-hot": (matrix, {}),
        "DataFrame, one-hot": (X, {"embedding_dim": None}),
        "DataFrame, embeddings of 8": (X, {"embedding_dim": 8}),
    }
    found = []
    for width, batch_size in product((16, 64), (256, 1024)):
        sides = {}
        for name, (table, parameters) in forms.items():
            model = MMoEClassifier(
                expert_hidden_layer_sizes=(width,),
                batch_size=batch_size,
                n_cross_layers=0,
                **epochs(1),
                **parameters,
            )
            sides[name] = partial(model.fit, table, y)
        seconds = take_turns(sides, repeats)
        medians = {name: round(float(np.median(s)), 3) for name, s in seconds.items()}
        found.append({"width": width, "batch_size": batch_size, "seconds_of_an_epoch": medians})
        print(found[-1], flush=True)
    return found


def main():
    torch.set_num_threads(1)
    X = make_frame(N_ROWS, 1)
    matrix, codes, _ = encode(X)
    megabytes = sizes(matrix, codes)
    print(megabytes, flush=True)
    write(
        "speed/lookups",
        question="memory, first layer and epochs for one-hot columns, dense, sparse, or as codes",
        not_run="several threads, CUDA",
        cardinalities=CARDINALITIES,
        megabytes=megabytes,
        first_layers=all_first_layers(),
        fits=all_fits(X[:N_FITTED], matrix[:N_FITTED]),
    )


if __name__ == "__main__":
    main()
