"""
Learning curves of each task
============================

Would more rows help, and does sharing help more when there are few? A learning curve answers both.
:class:`~sklearn.model_selection.LearningCurveDisplay` draws one for each task, if it gets a scorer
of that task.
"""

# %%
# Two related tasks
# -----------------
# The tasks are sums of sines of related directions
# (:func:`~sk_mmoe.datasets.make_multitask_sinusoid`).

import matplotlib.pyplot as plt
import pandas as pd
from sklearn.model_selection import LearningCurveDisplay, ShuffleSplit

from sk_mmoe import SharedBottomRegressor, SingleTaskRegressor
from sk_mmoe.datasets import make_multitask_sinusoid
from sk_mmoe.metrics import make_task_scorer

X, y = make_multitask_sinusoid(2500, n_features=5, correlation=0.95, random_state=0)
y = pd.DataFrame(y, columns=["first", "second"])

# %%
# The curves
# ----------
# Each point is the mean over three random splits, and the band is one standard deviation. All
# networks have the same sizes of layers.

training = {
    "numeric_encoding": None,  # the inputs are standard normal
    "learning_rate_init": 0.01,
    "max_iter": 25,
    "batch_size": 128,
    "n_members": 1,
    "random_state": 0,
}
models = {
    "SharedBottom": SharedBottomRegressor(**training),
    "SingleTask": SingleTaskRegressor(**training),
}
fig, axes = plt.subplots(1, 2, figsize=(8, 3.2), sharey=True, layout="constrained")
for ax, task in zip(axes, y, strict=True):
    for model, color in zip(models.values(), ["tab:orange", "tab:gray"], strict=True):
        LearningCurveDisplay.from_estimator(
            model,
            X,
            y,
            train_sizes=[300, 800, 2000],
            cv=ShuffleSplit(3, test_size=500, random_state=0),
            scoring=make_task_scorer("r2", task),
            score_name="R²",
            score_type="test",
            ax=ax,
            line_kw={"color": color, "marker": "o"},
            fill_between_kw={"color": color, "alpha": 0.2},
        )
    ax.set(title=task, xlabel="rows for training")
    ax.legend(ax.lines, models)
    ax.grid(alpha=0.3)
plt.show()

# %%
# The scores still rise at the right end, so more rows would help both tasks. Sharing helps the
# second task with 800 rows, and does not help the first. With 2,000 rows separate networks are
# ahead on both. So a gain by sharing is a question of how many rows there are, and may turn into a
# loss. The networks train for 25 epochs only, to keep the example short.
