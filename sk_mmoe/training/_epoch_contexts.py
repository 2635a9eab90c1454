"""Forward epochs to scikit-learn's callbacks (progress bars, scoring monitors)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from skorch.callbacks import Callback


class EpochContexts(Callback):
    """A skorch callback that opens one scikit-learn callback context per epoch.

    Parameters
    ----------
    estimator : estimator
        The estimator that is being fitted.
    context : sklearn.callback.CallbackContext
        The context of its fit.
    fitted_attributes : callable
        Returns the attributes that make a copy of the estimator ready to predict as it stands.
    X, y : array-like
        The data as the user passed them.
    metadata : dict
        Sample weights and the like.
    """

    def __init__(
        self,
        estimator: Any,
        context: Any,
        fitted_attributes: Callable[[], dict[str, Any]],
        X: Any,
        y: Any,
        metadata: dict[str, Any],
    ) -> None:
        self.estimator = estimator
        self.context = context
        self.fitted_attributes = fitted_attributes
        self.data = {"X": X, "y": y, "metadata": metadata}

    def on_train_begin(self, net: Any, **kwargs: Any) -> None:
        """Begin the fit."""
        self.context.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def on_epoch_begin(self, net: Any, **kwargs: Any) -> None:
        """Begin an epoch."""
        self.epoch_context = self.context.subcontext(task_name="epoch")
        self.epoch_context.call_on_fit_task_begin(estimator=self.estimator, **self.data)

    def on_epoch_end(self, net: Any, **kwargs: Any) -> None:
        """End an epoch, and training where a callback asks for it."""
        net.stop_training_ |= self.epoch_context.call_on_fit_task_end(
            estimator=self.estimator,
            reconstruction_attributes=self.fitted_attributes,
            **self.data,
        )

    def on_train_end(self, net: Any, **kwargs: Any) -> None:
        """End the fit."""
        self.context.call_on_fit_task_end(
            estimator=self.estimator,
            reconstruction_attributes=self.fitted_attributes,
            **self.data,
        )
