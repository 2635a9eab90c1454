"""
One network for several tasks, compared with one model per task
===============================================================

Does one network for two related tasks predict better than one model per task? We cross-validate
:class:`~sk_mmoe.MMoERegressor` and three baselines on the synthetic tasks of the MMoE paper. All
models see the same folds.

From a shell, this script writes a table and a plot. It can also run on the Census-Income data,
where :class:`~sk_mmoe.MMoEClassifier` predicts two labels of each person::

    python docs/examples/plot_main_job.py
    python docs/examples/plot_main_job.py --data census
"""

# %%
# The models
# ----------
# The baselines are a linear model, gradient boosting with one model per task, and a multilayer
# perceptron that shares all hidden layers. Both networks have the same learning rate and the same
# rule for early stopping.

import argparse
import time
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, cross_validate
from sklearn.multioutput import MultiOutputClassifier, MultiOutputRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, OneHotEncoder, StandardScaler

from sk_mmoe import MMoEClassifier, MMoERegressor
from sk_mmoe.datasets import fetch_census_income, make_multitask_sinusoid
from sk_mmoe.metrics import multitask_scoring
from sk_mmoe.model_selection import MultiOutputStratifiedKFold


def sinusoid_study(n_samples):
    """Return tasks, models, metric and folds of the synthetic study."""
    X, y = make_multitask_sinusoid(n_samples, n_features=20, correlation=0.9, random_state=0)
    y = pd.DataFrame(y, columns=["first", "second"])
    training = {
        "learning_rate_init": 0.01,
        "max_iter": 100,
        "n_iter_no_change": 10,
        "early_stopping": True,
        "random_state": 0,
    }
    models = {
        "Ridge": Ridge(),
        "HistGradientBoosting": MultiOutputRegressor(HistGradientBoostingRegressor(random_state=0)),
        "MLP": MLPRegressor(hidden_layer_sizes=(113, 16), **training),
        # As in the paper, the network reads the numbers as they are; they are standard normal.
        "MMoE": MMoERegressor(numeric_encoding=None, batch_size=256, **training),
    }
    return X, y, models, "r2", KFold(3)


# %%
# On Census-Income, MMoE and gradient boosting take the table as it is. The other models need
# encoded columns: numbers are standardised and also cut into bins, categories are one-hot encoded.


def census_study(n_samples):
    """Return tasks, models, metric and folds of the study on Census-Income."""
    X, y = fetch_census_income(subset="train", group=1, return_X_y=True)
    X, y = X[:n_samples], y[:n_samples]
    numbers = make_column_selector(dtype_include="number")
    encode = ColumnTransformer(
        [
            ("scaled", StandardScaler(), numbers),
            ("binned", KBinsDiscretizer(20, quantile_method="averaged_inverted_cdf"), numbers),
            (
                "categories",
                OneHotEncoder(min_frequency=20, handle_unknown="infrequent_if_exist"),
                make_column_selector(dtype_include="category"),
            ),
        ],
        sparse_threshold=1.0,
    )
    networks = {"early_stopping": True, "n_iter_no_change": 3, "random_state": 0}
    models = {
        "LogisticRegression": make_pipeline(
            encode, MultiOutputClassifier(LogisticRegression(C=0.1, max_iter=300))
        ),
        "HistGradientBoosting": MultiOutputClassifier(
            HistGradientBoostingClassifier(random_state=0)
        ),
        "MLP": make_pipeline(encode, MLPClassifier((113, 16), batch_size=256, **networks)),
        "MMoE": MMoEClassifier(**networks),
    }
    return X, y, models, "roc_auc", MultiOutputStratifiedKFold(3, shuffle=True, random_state=0)


# %%
# The study
# ---------
# :func:`~sk_mmoe.metrics.multitask_scoring` lets :func:`~sklearn.model_selection.cross_validate`
# return the score of each task and the mean. ``verbose`` prints a line for each fold.


def run(X, y, models, metric, cv):
    """Return a table with one row for each model and fold."""
    tables = []
    for name, model in models.items():
        print(f"{name}: {cv.get_n_splits()} folds", flush=True)
        start = time.perf_counter()
        result = cross_validate(
            model, X, y, cv=cv, scoring=multitask_scoring(metric), verbose=3, error_score="raise"
        )
        print(f"{name}: done after {time.perf_counter() - start:.0f} s\n", flush=True)
        tables.append(pd.DataFrame(result).assign(model=name).rename_axis("fold").reset_index())
    return pd.concat(tables, ignore_index=True)


def summarise(folds, tasks, metric):
    """Return mean and standard deviation over the folds, one row for each model."""
    columns = {f"test_{task}_{metric}": task for task in tasks} | {"fit_time": "seconds to fit"}
    groups = folds.groupby("model", sort=False)[list(columns)]
    mean, deviation = groups.mean().rename(columns=columns), groups.std().rename(columns=columns)
    return mean.map("{:.4f}".format) + " ± " + deviation.map("{:.4f}".format)


def plot(folds, tasks, metric):
    """Draw the score of each task and model: one dot for each fold, a bar for the mean."""
    models = folds["model"].unique()
    figure, axes = plt.subplots(
        1, len(tasks), figsize=(9, 1.2 + 0.4 * len(models)), sharey=True, layout="constrained"
    )
    for ax, task in zip(axes, tasks, strict=True):
        scores = folds.set_index("model")[f"test_{task}_{metric}"]
        for row, model in enumerate(models):
            ours = model == "MMoE"
            color = "tab:orange" if ours else "tab:gray"
            ax.plot(scores[model], [row] * len(scores[model]), "o", color=color, alpha=0.6)
            ax.plot(scores[model].mean(), row, "|", color=color, ms=20, mew=3)
        ax.set(title=task, xlabel=metric, yticks=range(len(models)), yticklabels=models)
        ax.grid(axis="x", alpha=0.3)
        ax.margins(y=0.3 / len(models) + 0.1)
    axes[0].invert_yaxis()
    return figure


# %%
# The script has options for use from a shell.

studies = {"sinusoid": (sinusoid_study, 30_000), "census": (census_study, 199_523)}
parser = argparse.ArgumentParser(description="Cross-validate MMoE and classic baselines.")
parser.add_argument("--data", choices=studies, default="sinusoid")
parser.add_argument("--n-samples", type=int, help="number of rows, all by default")
parser.add_argument("--output", type=Path, default=Path("main_job"), help="folder for the results")
options = parser.parse_args()

# Networks may reach max_iter, and columns that are mostly zero have few quantiles. Both are fine.
warnings.simplefilter("ignore", ConvergenceWarning)
warnings.filterwarnings("ignore", "Bins whose width are too small")
study, default_size = studies[options.data]
X, y, models, metric, cv = study(options.n_samples or default_size)
folds = run(X, y, models, metric, cv)

# %%
# The result
# ----------
# The table gives the mean and the standard deviation over the folds.

table = summarise(folds, y.columns, metric)
options.output.mkdir(parents=True, exist_ok=True)
folds.to_csv(options.output / f"{options.data}_folds.csv", index=False)
table.to_csv(options.output / f"{options.data}_table.csv")
print(table.to_string())

# %%
# Each dot is a fold, and each bar is a mean. Both networks are far ahead of the linear model and of
# gradient boosting. The documentation runs this script with 12,000 rows, with which the two
# networks differ by little more than their spread over folds. With all 30,000 rows, the default of
# the script, MMoE has the highest mean on both tasks.

figure = plot(folds, y.columns, metric)
figure.savefig(options.output / f"{options.data}.png", dpi=150)
plt.show()
