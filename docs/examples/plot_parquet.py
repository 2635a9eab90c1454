"""
Learning from a folder of Parquet files
=======================================

:class:`~sk_mmoe.streaming.LazyTable` reads files part by part, so a table need not fit into memory.
A list of files is a table, too. It makes it easy to ask whether older files help.
"""

# %%
# A file for each month
# ---------------------
# It needs pyarrow: ``pip install "sk_mmoe[parquet]"``. In practice the files come from elsewhere.
# Row groups of 10,000 to 200,000 rows are best. They are smaller here, as the files are.

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sk_mmoe import MMoERegressor
from sk_mmoe.streaming import LazyTable

TASKS = ["minutes", "spent"]
folder = Path(tempfile.mkdtemp())
rng = np.random.default_rng(0)
cities = np.array(["Bonn", "Ulm", "Kiel", "Jena"])
for month in range(1, 10):
    n = 500
    rows = pd.DataFrame(
        {
            "age": rng.integers(18, 80, n),
            "visits": rng.poisson(5, n),
            "hour": rng.uniform(0, 24, n),
            "city": pd.Categorical(rng.choice(cities, n), categories=cities),
        }
    )
    evening = np.sin((rows["hour"] - 12) * np.pi / 12)
    young = rows["age"] < 30
    rows["minutes"] = 20 + 15 * evening * young + rows["visits"] + rng.normal(0, 4, n)
    # What people spend drifts from month to month.
    rows["spent"] = 5 * rows["visits"] + 3 * month * (rows["city"] == "Kiel") + rng.normal(0, 9, n)
    rows.to_parquet(folder / f"month-{month}.parquet", row_group_size=250)

# %%
# Fit and score
# -------------
# The table has the targets as columns, so there is no y. The last month is the test table.

files = sorted(folder.glob("*.parquet"))
*months, last = files
test = LazyTable(last, targets=TASKS)
table = LazyTable(months, targets=TASKS)
print(table)
settings = {"max_iter": 15, "batch_size": 64, "learning_rate_init": 0.003, "random_state": 0}
model = MMoERegressor(**settings).fit(table)
print(f"mean R² on the last month: {model.score(test):.3f}")

# %%
# Predictions part by part
# ------------------------
# :meth:`~sk_mmoe.streaming.LazyTable.batches` yields the features of a part. The predictions of all
# parts need never be in memory together.

sums = np.zeros(2)
for batch in LazyTable(last, features=table.feature_names).batches():
    sums += model.predict(batch).sum(axis=0)
print(dict(zip(TASKS, (sums / len(test)).round(1).tolist(), strict=True)))

# %%
# Do older months help?
# ---------------------
# Fit to the last month before the test month, to the last two, the last four and to all eight.

from sklearn.metrics import r2_score

known = pd.read_parquet(last)
counts = [1, 2, 4, 8]
scores = pd.DataFrame(index=counts, columns=TASKS, dtype=float)
for count in counts:
    recent = LazyTable(months[-count:], targets=TASKS)
    predictions = MMoERegressor(**settings).fit(recent).predict(test)
    scores.loc[count] = r2_score(known[TASKS], predictions, multioutput="raw_values")

fig, ax = plt.subplots(figsize=(6, 3.4), layout="constrained")
for task, color in zip(TASKS, ["tab:blue", "tab:orange"], strict=True):
    ax.plot(counts, scores[task], "o-", color=color, label=task)
ax.set(xlabel="months of training data", ylabel="R² on the following month", xscale="log")
ax.set_xticks(counts, counts)
ax.set_xticks([], minor=True)
ax.grid(alpha=0.3)
ax.legend()
plt.show()

# %%
# Older months help to predict minutes, which depend on the columns in the same way in all months.
# Spending drifts. For that task the last month alone is best.
