"""
All architectures on tasks of chosen relatedness
================================================

How much does sharing help if tasks are more or less related? The synthetic data of the MMoE paper
have a parameter `correlation`, the cosine between the weights of the two tasks. Every architecture
of this package learns three tables: the tasks are half related, closely related, or equal except
for noise.
"""

# %%
# The models
# ----------
# The comparison should not depend on the sizes of the networks. :func:`~sk_mmoe.nn.fit_width`
# therefore gives every architecture about as many weights in its hidden layers as a small MMoE has.
# Learning rate, early stopping and all other settings are the same.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sk_mmoe import (
    CrossStitchRegressor,
    L2ConstrainedRegressor,
    MMoERegressor,
    OMoERegressor,
    PLERegressor,
    SharedBottomRegressor,
    SingleTaskRegressor,
    TensorFactorizationRegressor,
    nn,
)
from sk_mmoe.datasets import make_multitask_sinusoid

N_FEATURES = 10
LAYERS = {"expert_hidden_layer_sizes": (16,), "tower_hidden_layer_sizes": (8,)}
BUDGET = nn.count_parameters(nn.MMoE(N_FEATURES, [1, 1], **LAYERS), hidden_weights_only=True)


def width(network, **options):
    """Return the width of the first layer that spends the budget."""
    return nn.fit_width(
        lambda units: network(N_FEATURES, [1, 1], hidden_layer_sizes=(units, 8), **options), BUDGET
    )


# The inputs are standard normal. As in the paper, the networks read them as they are.
training = {
    "numeric_encoding": None,
    "batch_size": 256,
    "learning_rate_init": 0.01,
    "max_iter": 60,
    "early_stopping": True,
    "n_members": 1,
}
experts = {**LAYERS, **training}
towers = {"tower_hidden_layer_sizes": (8,)}
bottom = nn.fit_width(
    lambda units: nn.SharedBottom(N_FEATURES, [1, 1], hidden_layer_sizes=(units,), **towers),
    BUDGET,
)
models = {
    "SingleTask": SingleTaskRegressor(hidden_layer_sizes=(width(nn.SingleTask), 8), **training),
    "SharedBottom": SharedBottomRegressor(hidden_layer_sizes=(bottom,), **towers, **training),
    "L2Constrained": L2ConstrainedRegressor(
        hidden_layer_sizes=(width(nn.L2Constrained), 8), **training
    ),
    "CrossStitch": CrossStitchRegressor(hidden_layer_sizes=(width(nn.CrossStitch), 8), **training),
    "TensorFactorization": TensorFactorizationRegressor(
        hidden_layer_sizes=(width(nn.TensorFactorization), 8), **training
    ),
    "OMoE": OMoERegressor(n_experts=8, **experts),
    "MMoE": MMoERegressor(n_experts=8, **experts),
    "PLE": PLERegressor(n_shared_experts=4, n_task_experts=2, **experts),
}

# %%
# The comparison
# --------------
# The error is the mean squared error on new samples divided by the variance of the task, averaged
# over the two tasks. Each seed draws its own table and network.

SEEDS = range(3)
CORRELATIONS = (0.5, 0.9, 1.0)
rows = []
for correlation in CORRELATIONS:
    for seed in SEEDS:
        X, y = make_multitask_sinusoid(
            8000, n_features=N_FEATURES, correlation=correlation, random_state=seed
        )
        X_train, X_test, y_train, y_test = X[:4000], X[4000:], y[:4000], y[4000:]
        for name, model in models.items():
            model.set_params(random_state=seed).fit(X_train, y_train)
            error = np.square(model.predict(X_test) - y_test).mean(axis=0) / y_test.var(axis=0)
            weights = nn.count_parameters(model.net_.module_, hidden_weights_only=True)
            rows.append([correlation, seed, name, weights, error.mean()])
columns = ["correlation", "seed", "model", "hidden weights", "error"]
results = pd.DataFrame(rows, columns=columns)
summary = results.groupby(["model", "hidden weights", "correlation"], sort=False)["error"]
table = summary.agg(["mean", "std"]).unstack().round(3)
print(table.to_string())

# %%
# The dotted line is `SingleTask`, which shares nothing, and the bars show the standard deviation
# over seeds. Most models that share gain more over `SingleTask` if the tasks are equal than if they
# are half related.
#
# Do not conclude more than that. Three seeds on one kind of data say little about other data, and
# the spread over seeds is as large as most differences. To choose a model for your own data,
# cross-validate a few of them on your data.

fig, axes = plt.subplots(1, len(CORRELATIONS), figsize=(9, 3.4), sharey=True, layout="constrained")
for ax, correlation in zip(axes, CORRELATIONS, strict=True):
    part = results[results["correlation"] == correlation].groupby("model", sort=False)["error"]
    mean, std = part.mean(), part.std()
    positions = np.arange(len(mean))
    ax.errorbar(mean, positions, xerr=std, fmt="o", color="black", ecolor="grey", capsize=3)
    ax.axvline(mean["SingleTask"], color="grey", linestyle=":", linewidth=1)
    ax.set(yticks=positions, yticklabels=mean.index, xlabel="error", title=f"p = {correlation}")
axes[0].invert_yaxis()
plt.show()
