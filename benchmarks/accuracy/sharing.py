"""Whether real tasks should be learned together: joint against separate models on real tables.

:func:`sk_mmoe.inspection.compare_task_sharing` compares a network for all tasks with the same
network for each task, at its defaults, on ten random splits (a quarter of the rows tests). Large
tables are cut down to few rows, where a task has most to learn from the others. A comparison
that is on record is not repeated.

The second part asks how often the verdict is wrong where there is no difference: SingleTask shares
nothing, so learning its tasks jointly or separately is the same.

    OMP_NUM_THREADS=1 python benchmarks/accuracy/sharing.py      # half an hour
"""

import warnings
from itertools import product

import numpy as np
import pandas as pd
from sklearn.exceptions import ConvergenceWarning

from benchmarks._shared.record import Record, runs_of
from benchmarks._shared.tables import show, simple_table
from benchmarks.accuracy._data import load, load_small
from sk_mmoe import (
    MMoEClassifier,
    MMoERegressor,
    SharedBottomClassifier,
    SharedBottomRegressor,
    SingleTaskRegressor,
)
from sk_mmoe.datasets import make_multitask_sinusoid
from sk_mmoe.inspection import compare_task_sharing
from sk_mmoe.model_selection import MultiOutputStratifiedShuffleSplit

# Number of rows; None: all of them.
TABLES = [("kuairand", 2_000), ("slump", None), ("census1", 2_000), ("jura", None), ("enb", None)]
MODELS = {
    "MMoE": (MMoEClassifier, MMoERegressor),
    "SharedBottom": (SharedBottomClassifier, SharedBottomRegressor),
}
N_NULL = 100


def read(name, n_rows):
    """Return a small table, or that many rows of a large one."""
    if n_rows is None:
        return load_small(name)
    (X, y), *_ = load(name)
    rows = X.sample(n_rows, random_state=0).index
    return X.loc[rows].reset_index(drop=True), y.loc[rows].reset_index(drop=True)


def compare(record, name, n_rows, model):
    """Compare joint and separate models of an architecture on a table."""
    if record.find(table=name, n_rows=n_rows, model=model) is not None:
        return
    X, y = read(name, n_rows)
    cls = MODELS[model][0 if n_rows else 1]  # the large tables have classes, the small ones numbers
    cv = MultiOutputStratifiedShuffleSplit(n_splits=10, test_size=0.25, random_state=0)
    found = compare_task_sharing(cls(random_state=0), X, y, cv=cv, pairs=False)
    record.add(
        table=name,
        n_rows=n_rows,
        rows=len(X),
        model=model,
        verdict=found.verdict,
        overall=plain(found.overall.to_dict()),
        tasks={task: plain(row.to_dict()) for task, row in found.tasks.iterrows()},
        cost={models: plain(row.to_dict()) for models, row in found.cost.iterrows()},
    )


def plain(values):
    """Return numbers with five digits."""
    return {
        key: round(float(value), 5) if isinstance(value, int | float | np.number) else value
        for key, value in values.items()
    }


def compare_equals(record, seed):
    """Compare joint and separate training of two networks that share nothing."""
    if record.find(table="null", seed=seed) is not None:
        return
    X, y = make_multitask_sinusoid(300, n_features=5, correlation=0.5, random_state=seed)
    model = SingleTaskRegressor(
        hidden_layer_sizes=(8,),
        numeric_encoding=None,
        learning_rate_init=0.01,
        batch_size=64,
        max_iter=20,
        n_iter_no_change=20,
        early_stopping=False,
        random_state=seed,
    )
    cv = MultiOutputStratifiedShuffleSplit(n_splits=5, test_size=0.2, random_state=seed)
    found = compare_task_sharing(model, X, y, cv=cv)
    record.add(
        table="null", seed=seed, verdict=found.verdict, tasks=found.tasks["verdict"].tolist()
    )


def tables():
    """Return the tables of the user guide."""
    runs = [run for run in runs_of("accuracy/sharing") if run["table"] != "null"]
    rows = []
    for run in runs:
        overall = run["overall"]
        verdicts = pd.Series([task["verdict"] for task in run["tasks"].values()])
        counts = [(verdicts == word).sum() for word in ("together", "apart")]
        rows.append(
            [
                f"{run['table']}, {run['rows']:,}",
                run["model"],
                f"{overall['separate']:.3f}",
                f"{overall['joint']:.3f}",
                f"{overall['difference']:+.3f} [{overall['lower']:+.3f}, {overall['upper']:+.3f}]",
                run["verdict"],
                len(verdicts),
                *counts,
            ]
        )
    header = ["Table, rows", "Model", "Separate", "Joint", "Change", "Verdict"]
    header += ["Tasks", "together", "apart"]
    return {"sharing": simple_table(rows, header)} if rows else {}


def main():
    """Make all comparisons that are not on record."""
    record = Record(
        "accuracy/sharing",
        question="Does one network for all tasks of a real table beat one network for each task?",
        not_run="tables and seeds that are not on record; other architectures; tuned settings",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        for model, (name, n_rows) in product(MODELS, TABLES):
            compare(record, name, n_rows, model)
        for seed in range(N_NULL):
            compare_equals(record, seed)
    show(tables())


if __name__ == "__main__":
    main()
