"""
A model that runs without Python
================================

:func:`~sk_mmoe.export.to_onnx` turns a fitted model into an ONNX file. The file takes the raw
columns, and runs wherever onnxruntime does: in C++, Java, JavaScript, or in a small service. This
example checks that it predicts what the model does, and compares the times of a request.
"""

# %%
# A model of two kinds of targets
# -------------------------------
# It needs the packages of ``pip install "sk_mmoe[onnx]"``.

import tempfile
from pathlib import Path
from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
import onnx
import onnxruntime
import pandas as pd

from sk_mmoe import MMoEMixedPredictor
from sk_mmoe.export import to_onnx

rng = np.random.default_rng(0)
n = 1500
X = pd.DataFrame(
    {
        "age": rng.integers(18, 80, n),
        "income": rng.lognormal(10, 0.5, n),
        "city": rng.choice(["Bonn", "Ulm", "Kiel"], n),
    }
)
X.loc[::20, "city"] = None
score = (X["age"] - 45) / 15 + np.log(X["income"]) - 10 + (X["city"] == "Kiel")
y = pd.DataFrame(
    {"buys": score + rng.normal(size=n) > 0, "spends": 50 + 20 * score + 5 * rng.normal(size=n)}
)
model = MMoEMixedPredictor(max_iter=15, random_state=0).fit(X[:1000], y[:1000])

# %%
# Write the file
# --------------
# A few rows tell the names and the types of the columns. Each column is an input, each task an
# output.

path = Path(tempfile.mkdtemp()) / "model.onnx"
onnx.save(to_onnx(model, X[:5]), path)
session = onnxruntime.InferenceSession(path)
print(f"{path.stat().st_size / 1024:.0f} KiB")
for value in [*session.get_inputs(), *session.get_outputs()]:
    print(f"{value.name:20} {value.type}")

# %%
# Run it
# ------
# The file needs neither pandas nor this package. A gap in a column of strings is an empty string.


def inputs_of(rows):
    """Return the columns of a table as the file takes them."""
    return {
        "age": rows[["age"]].to_numpy(),
        "income": rows[["income"]].to_numpy(),
        "city": rows[["city"]].fillna("").to_numpy(dtype=object),
    }


test = X[1000:]
buys, probabilities, spends = session.run(None, inputs_of(test))

# %%
# Both agree, and the file answers single rows faster
# ---------------------------------------------------
# Each time is that of a request with one row.

ours = model.predict_proba(test)[0][:, 1], model.predict(test)[:, 1].astype(float)
theirs = probabilities[:, 1], spends


def milliseconds(predict, rows):
    """Return the time of a request for each row."""
    times = []
    for row in rows:
        start = perf_counter()
        predict(row)
        times.append(1000 * (perf_counter() - start))
    return times[5:]  # the first ones warm up


rows = [test[k : k + 1] for k in range(105)]
times = {
    "Python": milliseconds(model.predict, rows),
    "ONNX": milliseconds(lambda row: session.run(None, row), [inputs_of(row) for row in rows]),
}

fig, axes = plt.subplots(1, 3, figsize=(10, 3.2), layout="constrained")
for ax, title, ours_, theirs_ in zip(
    axes, ["probability to buy", "spends"], ours, theirs, strict=False
):
    ax.axline((ours_.min(),) * 2, slope=1, color="tab:gray", lw=1)
    ax.plot(ours_, theirs_, ".", ms=5, alpha=0.5)
    ax.set(title=title, xlabel="Python", ylabel="ONNX")
    ax.grid(alpha=0.3)
axes[2].boxplot(list(times.values()), tick_labels=list(times), showfliers=False)
axes[2].set(title="one row", ylabel="milliseconds", yscale="log")
axes[2].yaxis.set_major_formatter("{x:g}")
axes[2].grid(alpha=0.3, axis="y")
plt.show()

print(f"largest difference of a probability: {np.abs(ours[0] - theirs[0]).max():.0e}")

# %%
# All points lie on the diagonals. Most of the time of a single row goes into checks of the
# DataFrame, which the file does not do. For many rows the times are closer
# (:doc:`/user_guide/export`).
