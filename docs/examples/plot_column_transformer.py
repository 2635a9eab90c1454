"""
A table as it is, or through a ColumnTransformer
================================================

The estimators read a DataFrame as it is: numbers in any unit, categories and missing values. They
also work at the end of a pipeline. This example compares both on a table of customers with two
targets, together with a random forest and gradient boosting.
"""

# %%
# The table
# ---------
# Customers have an age, an income that some of them do not tell, a city and a plan. The targets are
# whether they cancel and whether they upgrade. Cancelling depends on age by a U-shaped curve, and
# upgrading on income by a step.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

rng = np.random.default_rng(0)
n = 4000
X = pd.DataFrame(
    {
        "age": rng.integers(18, 90, n),
        "income": rng.lognormal(10, 0.7, n).round(),
        "city": pd.Categorical(rng.choice(["Bern", "Lyon", "Oslo", "Rome"], n)),
        "plan": pd.Categorical(rng.choice(["basic", "plus", "pro"], n, p=[0.6, 0.3, 0.1])),
    }
)
taste = X["city"].map({"Bern": -1.0, "Lyon": 0.0, "Oslo": 1.5, "Rome": 0.5}).astype(float)
cancels = ((X["age"] - 50) / 20) ** 2 - 2 + taste - (X["plan"] == "pro")
upgrades = 2.0 * (X["income"] > 30_000) - 1.5 + taste * (X["plan"] == "basic")
y = pd.DataFrame(
    {
        "cancels": rng.random(n) < 1 / (1 + np.exp(-cancels)),
        "upgrades": rng.random(n) < 1 / (1 + np.exp(-upgrades)),
    }
).astype(int)
X.loc[rng.random(n) < 0.2, "income"] = np.nan
print(X.head(3))

# %%
# The models
# ----------
# A :class:`~sklearn.compose.ColumnTransformer` fills gaps, scales numbers and makes a column of
# each category. After it, the network needs no encoding of numbers. The other models stand for what
# you would use otherwise.

from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.multioutput import MultiOutputClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sk_mmoe import MMoEClassifier

encode = make_column_transformer(
    (
        make_pipeline(SimpleImputer(add_indicator=True), StandardScaler()),
        make_column_selector(dtype_include="number"),
    ),
    (OneHotEncoder(), make_column_selector(dtype_include="category")),
)
network = {"max_iter": 40, "n_members": 1, "random_state": 0}
models = {
    "MMoE, table as it is": MMoEClassifier(**network),
    "MMoE, encoded": make_pipeline(encode, MMoEClassifier(numeric_encoding=None, **network)),
    "random forest, encoded": make_pipeline(
        encode, RandomForestClassifier(min_samples_leaf=5, random_state=0)
    ),
    "gradient boosting": MultiOutputClassifier(HistGradientBoostingClassifier(random_state=0)),
}

# %%
# Scores per task
# ---------------
# All models are scored by the same function on the same folds.

from sklearn.model_selection import cross_validate

from sk_mmoe.metrics import multitask_scoring
from sk_mmoe.model_selection import MultiOutputStratifiedKFold

cv = MultiOutputStratifiedKFold(3, shuffle=True, random_state=0)
scores = {
    name: cross_validate(model, X, y, cv=cv, scoring=multitask_scoring("roc_auc"))
    for name, model in models.items()
}

fig, axes = plt.subplots(1, 2, figsize=(8, 2.6), sharey=True, layout="constrained")
for ax, task in zip(axes, y, strict=True):
    for row, name in enumerate(models):
        folds = scores[name][f"test_{task}_roc_auc"]
        color = "tab:orange" if name == "MMoE, table as it is" else "tab:gray"
        ax.plot(folds, [row] * len(folds), "o", color=color, alpha=0.6)
        ax.plot(folds.mean(), row, "|", color=color, ms=18, mew=3)
    ax.set(title=task, xlabel="AUC", yticks=range(len(models)), yticklabels=models)
    ax.grid(axis="x", alpha=0.3)
    ax.margins(y=0.2)
axes[0].invert_yaxis()
plt.show()

# %%
# Each dot is a fold, and each bar is a mean. The networks are ahead of both ensembles of trees on
# both tasks. The table as it is and the encoded one are level on cancelling. On upgrading, which
# jumps at an income, the table as it is has the higher mean.
