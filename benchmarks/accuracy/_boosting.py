"""Gradient boosting, one model per task: three libraries behind one interface.

Each learns until the log loss on the validation set has not improved for 50 rounds, 2000 at most,
with one thread. Columns of more than 255 categories, which not all of them take, are target-encoded
(with scikit-learn's cross-fitting); the others they read as categories.
"""

import lightgbm
import numpy as np
import xgboost
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.preprocessing import TargetEncoder

ROUNDS, PATIENCE, MAX_CATEGORIES = 2000, 50, 255

SPACES = {
    "HistGradientBoosting": {
        "learning_rate": [0.05, 0.1],
        "max_leaf_nodes": [15, 31, 63],
        "min_samples_leaf": [20, 50, 200],
        "l2_regularization": [0.0, 1.0, 10.0],
        "max_features": [0.3, 0.5, 1.0],
    },
    "LightGBM": {
        "learning_rate": [0.05, 0.1],
        "num_leaves": [15, 31, 63],
        "min_child_samples": [20, 50, 200],
        "reg_lambda": [0.0, 1.0, 10.0],
        "colsample_bytree": [0.3, 0.5, 1.0],
        "cat_smooth": [10.0, 50.0],
    },
    "XGBoost": {
        "learning_rate": [0.05, 0.1],
        "max_depth": [4, 6, 8],
        "min_child_weight": [1.0, 5.0, 20.0],
        "reg_lambda": [1.0, 10.0],
        "colsample_bytree": [0.3, 0.5, 1.0],
    },
}


def make_encoder(X, seed):
    """Return an unfitted encoder of the columns that have too many categories."""
    many = [c for c in X.select_dtypes("category") if X[c].nunique() > MAX_CATEGORIES]
    return ColumnTransformer(
        [("many", TargetEncoder(random_state=seed), many)],
        remainder="passthrough",
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")


class Boosting:
    """One task's model.

    Parameters
    ----------
    booster : {"HistGradientBoosting", "LightGBM", "XGBoost"}
        The library.
    seed : int
        The random state.
    **parameters
        What differs from the library's defaults.
    """

    def __init__(self, booster, seed, **parameters):
        self.booster = booster
        self.seed = seed
        self.parameters = parameters

    def fit(self, X, y, X_val, y_val):
        """Fit, with a validation set for the number of rounds."""
        self.encoder = make_encoder(X, self.seed)
        X, X_val = self.encoder.fit_transform(X, y), self.encoder.transform(X_val)
        getattr(self, f"_fit_{self.booster.lower()}")(X, y, X_val, y_val)
        return self

    def _fit_histgradientboosting(self, X, y, X_val, y_val):
        self.model = HistGradientBoostingClassifier(
            max_iter=ROUNDS,
            early_stopping=True,
            n_iter_no_change=PATIENCE,
            tol=0.0,
            categorical_features="from_dtype",
            random_state=self.seed,
            **self.parameters,
        ).fit(X, y, X_val=X_val, y_val=y_val)

    def _fit_lightgbm(self, X, y, X_val, y_val):
        self.model = lightgbm.LGBMClassifier(
            n_estimators=ROUNDS, n_jobs=1, random_state=self.seed, verbose=-1, **self.parameters
        ).fit(
            X,
            y,
            eval_set=[(X_val, y_val)],
            callbacks=[lightgbm.early_stopping(PATIENCE, verbose=False)],
        )

    def _fit_xgboost(self, X, y, X_val, y_val):
        self.model = xgboost.XGBClassifier(
            n_estimators=ROUNDS,
            n_jobs=1,
            random_state=self.seed,
            enable_categorical=True,
            tree_method="hist",
            early_stopping_rounds=PATIENCE,
            **self.parameters,
        ).fit(X, y, eval_set=[(X_val, y_val)], verbose=False)

    def predict_proba(self, X):
        """Return the probability of the positive class."""
        return np.asarray(self.model.predict_proba(self.encoder.transform(X)))[:, 1]
