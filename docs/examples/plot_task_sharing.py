"""
When sharing helps, and when it hurts
=====================================

A shop learns the taste of its visitors from clicks. Few visitors answer a survey about the same
taste, and the time of a delivery has nothing to do with it. Should one network learn all three
tasks? :class:`~sk_mmoe.inspection.TaskSharingDisplay` answers by cross-validation.
"""

# %%
# Two related tasks and an unrelated one
# --------------------------------------
# Clicks and survey measure the same linear function of the inputs. Only 15 % of the visitors answer
# the survey. The delivery depends on four of the inputs in a more complicated way.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sk_mmoe import SharedBottomRegressor
from sk_mmoe.inspection import TaskSharingDisplay
from sk_mmoe.model_selection import MultiOutputStratifiedShuffleSplit

rng = np.random.default_rng(0)
X = rng.normal(size=(500, 12))
taste = X @ rng.normal(size=12) / 3
effort = X[:, 0] * X[:, 1] + np.abs(X[:, 2]) + X[:, 3]
y = pd.DataFrame(
    {
        "clicks": taste + 0.3 * rng.normal(size=500),
        "survey": taste + 0.1 * rng.normal(size=500),
        "delivery": effort + 0.3 * rng.normal(size=500),
    }
)
y["survey"] = y["survey"].where(rng.random(500) < 0.15)

# %%
# A narrow network
# ----------------
# All tasks share one hidden layer of four units. In each of eight splits, one network learns all
# tasks, one learns each task alone, and one learns each pair.

settings = {
    "numeric_encoding": None,  # the inputs are standard normal
    "tower_hidden_layer_sizes": (),
    "learning_rate_init": 0.03,
    "batch_size": 64,
    "max_iter": 30,
    "n_iter_no_change": 60,
    "early_stopping": False,
    "n_members": 1,
    "random_state": 0,
}
cv = MultiOutputStratifiedShuffleSplit(n_splits=8, test_size=0.25, random_state=0)
narrow = SharedBottomRegressor(hidden_layer_sizes=(4,), **settings)
display = TaskSharingDisplay.from_estimator(narrow, X, y, cv=cv)
plt.show()

# %%
# The bars on the left are 95 % intervals of the change in R². The survey gains, because the clicks
# show the network what matters. The delivery loses: four units are too few for tastes and
# deliveries. For the clicks it cannot be told. The panel on the right shows each task with one
# partner only. The survey gains from the clicks, so the clicks are the right partner for it.
#
# The mean over the tasks hides all this, since gain and loss cancel. The summary says it in words:

print(display.comparison.summary)

# %%
# A wider network
# ---------------
# Tasks that disturb each other need not be separated. With 64 units there is room for all of them,
# and the loss of the delivery is gone. The survey now scores well alone, too. If nothing can be
# told, decide by the cost: one network is faster to fit than three.

wide = SharedBottomRegressor(hidden_layer_sizes=(64,), **settings)
display = TaskSharingDisplay.from_estimator(wide, X, y, cv=cv, pairs=False)
print(display.comparison.summary)
plt.show()
