"""Estimators for tests of searches: their score is a known function of their parameters."""

import os
import time
from pathlib import Path

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin


class Peak(ClassifierMixin, BaseEstimator):
    """A model whose score is highest, 0, at rate = 0.01, width = 5 and kind = "round".

    If the environment names a file and a number of fits, the last of these makes the file and
    never ends.
    """

    n_fits = 0

    def __init__(self, rate=1.0, width=1, kind="flat", fails_above=np.inf):
        self.rate = rate
        self.width = width
        self.kind = kind
        self.fails_above = fails_above

    def fit(self, X, y, sample_weight=None):
        Peak.n_fits += 1
        if Peak.n_fits == int(os.environ.get("PEAK_STOPS_AT", -1)):
            Path(os.environ["PEAK_FILE"]).touch()
            time.sleep(600)
        time.sleep(float(os.environ.get("PEAK_SECONDS", 0)))
        if self.rate > self.fails_above:
            raise ValueError("the rate is too high")
        self.classes_ = np.unique(y)
        return self

    def predict(self, X):
        return np.full(len(X), self.classes_[0])

    def score(self, X, y, sample_weight=None):
        distance = (np.log10(self.rate) + 2) ** 2 + (self.width - 5) ** 2 / 9
        return -distance - (self.kind == "flat")
