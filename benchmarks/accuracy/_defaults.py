"""The defaults with which most of the results on record were measured."""

# Today these follow from the size of the table.
EARLIER = {
    "embedding_dim": 8,
    "learning_rate_init": 1e-3,
    "n_cross_layers": 2,
    "n_iter_no_change": 10,
    "n_members": 1,
    "numeric_encoding": "piecewise_linear",
}
# Of tables with more than 100,000 rows, and of others.
LARGE, SMALL = EARLIER | {"batch_size": 512}, EARLIER | {"batch_size": 256}
