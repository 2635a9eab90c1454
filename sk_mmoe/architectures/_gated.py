"""What estimators whose tasks listen to experts through gates share."""

from __future__ import annotations

import warnings
from functools import partial
from typing import Any, ClassVar

import numpy as np
import torch
from sklearn.utils.validation import check_is_fitted

from sk_mmoe.estimators._base import MultiTaskEstimator
from sk_mmoe.tasks._encoder import TaskEncoder
from sk_mmoe.training._loader import TableDataset
from sk_mmoe.training._net import MultiTaskNet

# A task that gives a single expert this mean weight, or more, does not mix.
_POLARISED = 0.99
_INSPECTED_ROWS = 10_000
_INSPECTED_VALUES = 2**24


class GatedEstimator(MultiTaskEstimator):
    """Base of the estimators with gates: the weights of the experts, and a look at them."""

    normalize_experts: bool = False

    _network_parameters: ClassVar[tuple[str, ...]] = (
        *MultiTaskEstimator._network_parameters,
        "normalize_experts",
    )
    _parameter_constraints: ClassVar[dict[str, list[Any]]] = {
        "normalize_experts": ["boolean"],
    }

    def gate_weights(self, X: Any, *, level: int = -1, member: int = 0) -> np.ndarray:
        """Return how much each task listens to each expert.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        level : int, default=-1
            The level of mixture, where there are several: 0 is the first, -1 the last, which the
            towers read.
        member : int, default=0
            The network, where `n_members` were trained.

        Returns
        -------
        ndarray of shape (n_samples, n_tasks, n_experts)
            The weights of the experts; they sum to one over experts.

        Raises
        ------
        IndexError
            If there is no such level or member.
        """
        check_is_fitted(self)
        X = self._check_X(X, dtype=self.net_.dtype)
        gates = partial(self.net_.member(member).eval().gate_weights, level=level)
        weights = torch.cat(list(self.net_.map_batches(X, gates)), dim=1)
        return weights.transpose(0, 1).numpy()

    def _check_training(self, net: MultiTaskNet, encoder: TaskEncoder, train: TableDataset) -> None:
        """Warn of tasks that have settled on one expert for all samples."""
        # Rows of a sparse table are made dense.
        n_rows = max(1, min(_INSPECTED_ROWS, _INSPECTED_VALUES // train.X.shape[1]))
        step = -(-len(train) // n_rows)
        rows = torch.arange(0, len(train), step, device=train.device)
        x = train[rows][0].to(net.device)
        networks = [net.member(k).eval() for k in range(len(net.seeds))]
        with torch.inference_mode():
            means = [network.gate_weights(x).mean(dim=1) for network in networks]
        mean = torch.stack(means).cpu()
        # An expert that is the only one of a task is no choice of its gate.
        choices = torch.from_numpy(reachable_experts(self, *mean.shape[1:]).sum(axis=-1))
        settled = (mean.amax(dim=-1) >= _POLARISED).all(dim=0) & (choices > 1)
        names = [name for name, is_so in zip(encoder.names, settled.tolist(), strict=True) if is_so]
        if names:
            warnings.warn(
                f"the gates of the tasks {names} put all their weight on one expert. Such a task "
                "uses a part of the network only. Try gate_dropout=0.1, standardised inputs or a "
                "lower learning_rate_init; ExpertUseDisplay shows who uses what.",
                stacklevel=2,
            )


def reachable_experts(estimator: Any, n_tasks: int, n_experts: int) -> np.ndarray:
    """Return which experts each task can reach: all, or its own and the shared ones.

    Weights do not tell: they can round to zero for an expert that a task has abandoned.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator with gates.
    n_tasks, n_experts : int
        How many there are.

    Returns
    -------
    ndarray of bool of shape (n_tasks, n_experts)
        Whether the task can reach the expert.
    """
    own = getattr(estimator, "n_task_experts", 0)
    reachable = np.ones((n_tasks, n_experts), dtype=bool)
    # The experts of the tasks come first, in the order of the tasks.
    reachable[:, : n_tasks * own] = np.repeat(np.eye(n_tasks, dtype=bool), own, axis=1)
    return reachable
