"""
Grades: classes with an order
=============================

Grades such as "poor", "fair" and "good" have an order. An ordinal task uses it: a prediction that
is off by one grade costs less than one that is off by two. The two tasks are the grades that a
teacher and a pupil give for the same work.
"""

# %%
# Two graded tasks
# ----------------

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

GRADES = ["poor", "fair", "good", "excellent"]


def draw_table(n, seed):
    """Return columns and the grades of two persons."""
    rng = np.random.default_rng(seed)
    X = pd.DataFrame(rng.normal(size=(n, 8)), columns=[f"x{i}" for i in range(8)])
    quality = X["x0"] + 0.7 * np.sin(2 * X["x1"]) + 0.5 * X["x2"]
    cuts = [-np.inf, -1, 0, 1, np.inf]
    teacher = pd.cut(quality + 0.6 * rng.logistic(size=n), cuts, labels=GRADES)
    pupil = pd.cut(quality + 1 + 0.6 * rng.logistic(size=n), cuts, labels=GRADES)
    return X, pd.DataFrame({"teacher": teacher, "pupil": pupil}).astype(str)


# %%
# With and without the order
# --------------------------
# A list of the classes from the lowest to the highest declares an ordinal task. Without it, the
# classes have no order. The error is the squared distance between predicted and true grade.

from sk_mmoe import MMoEClassifier

X_test, y_test = draw_table(2000, seed=99)
order = dict.fromkeys(y_test, GRADES)
rows = []
for n in (150, 500, 1500):
    for seed in range(3):
        X, y = draw_table(n, seed)
        for kind, tasks in {"ordinal": order, "no order": None}.items():
            options = {} if tasks is None else {"tasks": tasks}
            model = MMoEClassifier(n_members=1, max_iter=40, random_state=seed, **options).fit(X, y)
            predicted = pd.DataFrame(model.predict(X_test), columns=list(y_test))
            for task in y_test:
                off = predicted[task].map(GRADES.index) - y_test[task].map(GRADES.index)
                rows.append([n, kind, task, np.mean(off**2)])
errors = pd.DataFrame(rows, columns=["rows", "kind", "task", "error"])
print(errors.groupby(["task", "rows", "kind"])["error"].mean().unstack().round(3))

# %%
# The probability of each grade
# -----------------------------
# `predict_proba` has a column for each grade, in the declared order. Along the feature "x0" one
# grade follows the other. The pupil is milder.

model = MMoEClassifier(tasks=order, max_iter=60, random_state=0).fit(*draw_table(3000, seed=5))
line = pd.DataFrame(np.zeros((80, 8)), columns=[f"x{i}" for i in range(8)])
line["x0"] = np.linspace(-3, 3, 80)
fig, axes = plt.subplots(1, 2, figsize=(8, 3), sharey=True, layout="constrained")
for ax, task, proba in zip(axes, y_test, model.predict_proba(line), strict=True):
    colors = plt.get_cmap("viridis")(np.linspace(0.1, 0.85, len(GRADES)))
    ax.stackplot(line["x0"], proba.T, labels=GRADES, colors=colors)
    ax.set(title=task, xlabel="x0", xlim=(-3, 3), ylim=(0, 1))
axes[0].set_ylabel("probability")
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside right upper", reverse=True)
plt.show()

# %%
# The bands are ordered, and those of the pupil lie further to the left. The order helps most with
# few rows, as the table shows. With 1,500 rows the two kinds are about equal.
