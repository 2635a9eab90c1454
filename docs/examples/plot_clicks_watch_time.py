"""
Clicks and watch time: classes and numbers together
===================================================

A video is clicked or not. Its watch time is known only if it was clicked. One
:class:`~sk_mmoe.MMoEMixedPredictor` learns both: a class for every row, and a number for some rows.
Together they rank videos by the watch time that can be expected.
"""

# %%
# Impressions
# -----------
# People click on short videos about their favourite topic. Once they have clicked, long videos are
# watched for longer.

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

rng = np.random.default_rng(0)
n = 6000
X = pd.DataFrame(
    {
        "favourite": rng.random(n) < 0.3,
        "topic": pd.Categorical(rng.choice(["cooking", "music", "news", "sports"], n)),
        "minutes": rng.uniform(0.5, 10, n).round(1),
        "hour": rng.integers(0, 24, n),
    }
)
clicks = rng.random(n) < 1 / (1 + np.exp(0.5 + 0.35 * X["minutes"] - 2 * X["favourite"]))
watched = X["minutes"] * rng.beta(2 + 2 * X["favourite"], 2)
y = pd.DataFrame({"click": clicks, "watch time": watched.where(clicks)})
print(y.head())
print(f"clicked: {clicks.mean():.0%}")

# %%
# One model for both
# ------------------
# `predict_proba` has None for tasks without classes. `predict` returns the watch time *if* the
# video is clicked, also for videos that were not.

from sk_mmoe import MMoEMixedPredictor

X_train, X_test, y_train, y_test = X[:4000], X[4000:], y[:4000], y[4000:]
model = MMoEMixedPredictor(max_iter=40, random_state=0).fit(X_train, y_train)
print(dict(zip(model.task_names_, model.task_kinds_, strict=True)))

click_proba = model.predict_proba(X_test)[0][:, 1]
watch_time = model.predict(X_test)[:, 1].astype(float)

# %%
# Ranking by the expected watch time
# ----------------------------------
# The product of both predictions is the expected watch time of an impression. If only the best
# videos are shown, how many minutes are watched?

minutes = y_test["watch time"].fillna(0).to_numpy()
rankings = {
    "probability times watch time": click_proba * watch_time,
    "probability of a click": click_proba,
    "watch time if clicked": watch_time,
}
shown = np.arange(1, len(minutes) + 1) / len(minutes)
fig, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
for (name, score), color in zip(
    rankings.items(), ["tab:orange", "tab:gray", "tab:blue"], strict=True
):
    best_first = minutes[np.argsort(-score)]
    ax.plot(shown, best_first.cumsum() / minutes.sum(), label=name, color=color)
ax.plot([0, 1], [0, 1], ":", color="black", lw=1, label="random")
ax.set(xlabel="part of the videos that is shown", ylabel="part of the minutes watched")
ax.legend()
ax.grid(alpha=0.3)
plt.show()

# %%
# The product finds the most minutes among the first videos. The probability of a click alone
# prefers short videos, and the watch time alone prefers long ones that few people click.
