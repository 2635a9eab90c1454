"""Tables 1 and 2: Census-Income, two groups of tasks, the paper's seven methods and two more.

Every method is tuned by as many candidates of one Gaussian-process search (`GPSearchCV`): learning
rate and epochs, and its own sizes, with at most 1024 units in a hidden layer (the paper: 2048),
experts times units where there are experts. The score is the AUC of the main task on one half of
the test file. Then the best parameters are fitted with several seeds and judged on the other half,
which nothing has seen before. Both tables are made twice: from the paper's plain inputs (one column
for each category, scaled numbers), and from the package's own (vectors of categories and knots, the
default).

Searches are kept in a journal and fits on record. Stopped and started again, the script goes on
where it was; started several times, it shares the candidates of a search.

    OMP_NUM_THREADS=1 python -m benchmarks.paper.tables12 --groups 1 --inputs plain
    OMP_NUM_THREADS=1 python -m benchmarks.paper.tables12            # everything
    OMP_NUM_THREADS=1 python -m benchmarks.paper.tables12 --quick    # writes nothing
    OMP_NUM_THREADS=1 python -m benchmarks.paper.tables12 --summarise --groups 1 --inputs plain
"""

import json
import tempfile
import time
from pathlib import Path

import pandas as pd
import torch
from optuna.distributions import FloatDistribution, IntDistribution
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import PredefinedSplit
from sklearn.multioutput import MultiOutputClassifier
from sklearn.preprocessing import StandardScaler

import sk_mmoe
from benchmarks._shared.record import NoRecord, Record, read
from benchmarks.accuracy._data import load
from benchmarks.paper._census_summary import BOOSTING, GROUPS, INPUTS, name_of, summarise
from benchmarks.paper._common import RESULTS, arguments
from sk_mmoe.metrics import make_task_scorer
from sk_mmoe.model_selection import GPSearchCV

N_TRIALS, N_SEEDS = 25, 20
BATCH_SIZE = 1024

TRAINING = {
    "learning_rate_init": FloatDistribution(3e-4, 2e-2, log=True),
    "max_iter": IntDistribution(1, 16, log=True),
}
# A layer of the size to choose, and one as the towers of the others.
LAYERS = [(width, 32) for width in (32, 64, 128, 256, 512, 1024)]
EXPERTS = {
    "n_experts": IntDistribution(2, 8),
    "expert_hidden_layer_sizes": IntDistribution(8, 128, log=True),
}
NETWORKS = {
    "Single-Task": ("SingleTaskClassifier", {"hidden_layer_sizes": LAYERS}),
    "Shared-Bottom": (
        "SharedBottomClassifier",
        {"hidden_layer_sizes": IntDistribution(16, 1024, log=True)},
    ),
    "L2-Constrained": (
        "L2ConstrainedClassifier",
        {"hidden_layer_sizes": LAYERS, "coupling": FloatDistribution(1e-6, 1e-1, log=True)},
    ),
    "Cross-Stitch": (
        "CrossStitchClassifier",
        {
            "hidden_layer_sizes": [*LAYERS, (32,), (128,), (512,), (64, 64, 32)],
            "stitch_learning_rate_factor": FloatDistribution(1.0, 1000.0, log=True),
        },
    ),
    "Tensor-Factorization": (
        "TensorFactorizationClassifier",
        {
            "hidden_layer_sizes": LAYERS,
            # Of inputs and units as shares, and of the tasks: one or both.
            "ranks": [(r, s, t) for r in (0.05, 0.1, 0.3) for s in (0.25, 0.5, 1) for t in (1, 2)],
        },
    ),
    "OMoE": ("OMoEClassifier", EXPERTS),
    "MMoE": ("MMoEClassifier", EXPERTS),
    "PLE": (
        "PLEClassifier",
        {
            "n_shared_experts": IntDistribution(1, 4),
            "n_task_experts": IntDistribution(1, 4),
            "expert_hidden_layer_sizes": IntDistribution(8, 128, log=True),
            "n_levels": [1, 2],
        },
    ),
}
BOOSTING_SPACE = {
    "estimator__learning_rate": FloatDistribution(0.02, 0.3, log=True),
    "estimator__max_iter": IntDistribution(50, 300, log=True),
    "estimator__max_leaf_nodes": IntDistribution(8, 128, log=True),
    "estimator__min_samples_leaf": IntDistribution(5, 200, log=True),
    "estimator__l2_regularization": FloatDistribution(1e-3, 10.0, log=True),
}


def read_tables(group, inputs, n_rows=None):
    """Return (X, y) to learn, to choose by and to judge by; the main task is the first of y."""
    tables = load(f"census{group}")
    if n_rows is not None:
        tables = [(X[:n_rows], y[:n_rows]) for X, y in tables]
    if inputs == "plain":
        numbers = tables[0][0].select_dtypes("number").columns
        scaler = StandardScaler().set_output(transform="pandas").fit(tables[0][0][numbers])
        tables = [(X.assign(**scaler.transform(X[numbers])), y) for X, y in tables]
    return [(X.reset_index(drop=True), y.reset_index(drop=True)) for X, y in tables]


def make_method(name, inputs):
    """Return an estimator and what to search of it."""
    if name == BOOSTING:
        # One model for each task, with the same parameters, which the main task chooses. Early
        # stopping, the default for so many rows, would hold out a tenth of them at random.
        boosting = HistGradientBoostingClassifier(early_stopping=False)
        return MultiOutputClassifier(boosting), BOOSTING_SPACE
    cls, space = NETWORKS[name]
    options = {"batch_size": BATCH_SIZE, "early_stopping": False, "device": "cpu"}
    if inputs == "plain":
        # One column for each category, which is looked up and never multiplied.
        options |= {"embedding_dim": None, "numeric_encoding": None}
    return getattr(sk_mmoe, cls)(**options), space | TRAINING


class Table:
    """One of the paper's two tables, from one kind of inputs: searches, fits and their summary.

    Parameters
    ----------
    group : {1, 2}
        The table.
    inputs : {"plain", "own"}
        How the methods see the columns.
    n_trials, n_seeds : int
        Candidates of each search, and fits of what it found.
    record : Record
        Where the fits are kept.
    journal : path
        Where the searches are kept.
    n_rows : int, default=None
        Rows of each part; None: all.
    """

    def __init__(self, group, inputs, *, n_trials, n_seeds, record, journal, n_rows=None):
        self.group, self.inputs = group, inputs
        self.n_trials, self.n_seeds = n_trials, n_seeds
        self.record, self.journal = record, journal
        self.tables = read_tables(group, inputs, n_rows)
        self.tasks = list(self.tables[0][1])
        # The boosting reads categories natively, which is one kind of inputs: its own.
        self.methods = [*NETWORKS] + [BOOSTING] * (inputs == "own")

    def tune(self, method):
        """Return the best parameters of a method by the main task's AUC on validation rows."""
        (X, y), (X_val, y_val), _ = self.tables
        estimator, space = make_method(method, self.inputs)
        if "random_state" in estimator.get_params():
            estimator.set_params(random_state=0)
        search = GPSearchCV(
            estimator,
            space,
            n_iter=self.n_trials,
            n_initial=min(8, self.n_trials),
            scoring=make_task_scorer("roc_auc", self.tasks[0]),
            cv=PredefinedSplit([-1] * len(X) + [0] * len(X_val)),
            refit=False,
            random_state=0,
            storage=self.journal,
            study_name=f"group {self.group}, {self.inputs} inputs, {method}",
            verbose=1,
        )
        search.fit(pd.concat([X, X_val]), pd.concat([y, y_val]))
        return search.best_params_

    def fit(self, method, parameters, seed):
        """Fit a method with a seed, unless that is on record, and keep its scores."""
        key = {"method": method, "parameters": _plain(parameters), "seed": seed}
        if self.record.find(**key):
            return
        started = time.monotonic()
        (X, y), *later = self.tables
        model = clone(make_method(method, self.inputs)[0]).set_params(**parameters)
        if "random_state" in model.get_params():
            model.set_params(random_state=seed)
        model.fit(X, y)
        scores = {}
        for part, (X_part, y_part) in zip(("validation", "test"), later, strict=True):
            probas = model.predict_proba(X_part)
            scores[part] = {
                task: round(roc_auc_score(y_part[task], proba[:, 1]), 5)
                for task, proba in zip(self.tasks, probas, strict=True)
            }
        self.record.add(
            **key,
            n_parameters=getattr(model, "n_weights_", None),  # of trees None
            **scores,
            seconds=round(time.monotonic() - started, 1),
        )

    def run(self):
        """Search and fit all methods, seed by seed, so that all have as many at any time."""
        chosen = {}
        for method in self.methods:
            print(f"-- group {self.group}, {self.inputs} inputs, {method}", flush=True)
            chosen[method] = self.tune(method)
        for seed in range(self.n_seeds):
            for method, parameters in chosen.items():
                if method != BOOSTING or seed == 0:  # which has no random numbers
                    self.fit(method, parameters, seed)
        self.record.facts["summary"] = summarise(self.group, self.record.runs)
        self.record.save()


def summarise_record(group, inputs):
    """Write the summary of a record anew, from the fits that it has, finished or not.

    Runs that were recorded before it was counted get their number of parameters, from one epoch.
    """
    name = name_of(group, inputs)
    content = read(name)
    (X, y), counts = read_tables(group, inputs)[0], {}
    for run in content["runs"]:
        if "n_parameters" not in run and run["method"] != BOOSTING:
            key = json.dumps([run["method"], run["parameters"]])
            if key not in counts:
                model = make_method(run["method"], inputs)[0]
                model.set_params(**_as_chosen(run["parameters"]), max_iter=1, batch_size=16_384)
                counts[key] = model.fit(X, y).n_weights_
            run["n_parameters"] = counts[key]
    content["summary"] = summarise(group, content["runs"])
    (RESULTS / f"{name.removeprefix('paper/')}.json").write_text(
        json.dumps(content, indent=1) + "\n"
    )
    print(f"written: benchmarks/results/{name}.json")


def _as_chosen(parameters):
    """Return parameters from JSON as the search chose them, but for the length of training."""
    return {
        name: tuple(v) if isinstance(v, list) else v
        for name, v in parameters.items()
        if name != "max_iter"
    }


def _plain(parameters):
    """Return parameters as JSON keeps them."""
    return {name: list(v) if isinstance(v, tuple) else v for name, v in parameters.items()}


def main():
    """Make the tables that are asked for."""
    parser = arguments(__doc__.splitlines()[0])
    parser.add_argument("--groups", type=int, nargs="*", default=GROUPS, choices=GROUPS)
    parser.add_argument("--inputs", nargs="*", default=INPUTS, choices=INPUTS)
    parser.add_argument("--trials", type=int, default=N_TRIALS)
    parser.add_argument("--seeds", type=int, default=N_SEEDS)
    parser.add_argument("--summarise", action="store_true", help="only the summaries, of what ran")
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.quick:
        TRAINING["max_iter"] = IntDistribution(1, 2)
        with tempfile.TemporaryDirectory() as folder:
            table = Table(
                1,
                "plain",
                n_trials=2,
                n_seeds=2,
                record=NoRecord("paper/tables12_quick"),
                journal=Path(folder) / "searches.jsonl",
                n_rows=3000,
            )
            table.methods += [BOOSTING]
            table.run()
        return
    for inputs in options.inputs:
        for group in options.groups:
            if options.summarise:
                summarise_record(group, inputs)
                continue
            record = Record(
                name_of(group, inputs),
                question="the paper's methods on Census-Income, tuned alike",
                n_trials=options.trials,
                n_seeds=options.seeds,
                not_run="400 seeds and thousands of trials, as in the paper",
            )
            Table(
                group,
                inputs,
                n_trials=options.trials,
                n_seeds=options.seeds,
                record=record,
                journal=RESULTS / f"tables12_census{group}_{inputs}.searches.jsonl",
            ).run()


if __name__ == "__main__":
    main()
