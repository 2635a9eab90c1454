"""The three objects of a fitted estimator: how X is read, the tasks, and the net."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from sk_mmoe.columns._reader import TableReader
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
        return [scores.double() for scores in self.net.predict_scores(self.read(X))]

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
