"""The three objects of a fitted estimator: how X is read, the tasks, and the net."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sk_mmoe.columns._reader import TableReader
from sk_mmoe.streaming import LazyTable
from sk_mmoe.tasks._encoder import TaskEncoder
from sk_mmoe.training._net import MultiTaskNet


@dataclass(frozen=True)
class FittedModel:
    """What `fit` learns; nothing in it changes afterwards.

    Parameters
    ----------
    reader : TableReader
        How the columns of X become the input of the network.
    tasks : TaskEncoder
        How labels become targets of the loss, and scores become predictions.
    net : MultiTaskNet
        The skorch net with the trained network.
    """

    reader: TableReader
    tasks: TaskEncoder
    net: MultiTaskNet

    def read(self, X: Any) -> Any:
        """Return X as the net reads it.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray, CSR matrix or ColumnTable
            The table.
        """
        return self.reader.read(X, dtype=self.net.dtype)

    def member_scores(self, X: Any) -> list[Tensor]:
        """Return the raw scores of each task, in double precision.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        list of Tensor of shape (n_samples, n_outputs[k]) or (n_members, n_samples, n_outputs[k])
            The scores. The first axis is that of the members, where there are several.
        """
        if isinstance(X, LazyTable):
            parts = [self.member_scores(part) for part in X.batches()]
            return [torch.cat(own, dim=-2) for own in zip(*parts, strict=True)]
        scores = [part.double() for part in self.net.predict_scores(self.read(X))]
        if not all(np.isfinite(part.numpy()).all() for part in scores):
            _warn_of_overflow(scores, self.tasks.names)
        return scores

    def scores(self, X: Any) -> list[Tensor]:
        """Return the raw scores of each task; of several members, those of the mean prediction.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        list of Tensor of shape (n_samples, n_outputs[k])
            The scores.
        """
        scores = self.member_scores(X)
        return self.tasks.average(scores) if self.net.further_seeds else scores

    def predict(self, X: Any) -> np.ndarray:
        """Return the predictions.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_tasks)
            Labels, or numbers in the units of y.
        """
        return self.tasks.decode(self.scores(X))


def _warn_of_overflow(scores: Sequence[Tensor], task_names: Sequence[str]) -> None:
    """Warn of rows for which the network's numbers grew beyond the range of their type."""
    found = {
        name: int((~part.isfinite()).any(dim=-1).reshape(-1, part.shape[-2]).any(dim=0).sum())
        for name, part in zip(task_names, scores, strict=True)
    }
    warnings.warn(
        "predictions are not finite, number of rows for each task: "
        f"{ {name: count for name, count in found.items() if count} }. Their values of X are far "
        "larger than those of fit. Scale the inputs, e.g. with StandardScaler, or drop these rows.",
        stacklevel=4,
    )
