"""What architectures whose tasks weigh experts by gates have in common."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import torch

from sk_mmoe.estimators._architecture import Architecture


class GatedArchitecture(Architecture):
    """Base of the architectures with gates."""

    def gate_weights(self, X: Any, *, level: int = -1, member: int = 0) -> np.ndarray:
        """Return the weight that each task gives to each expert.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        level : int, default=-1
            The level, if there are several. 0 is the first, and -1 the last, whose mixtures the
            towers read.
        member : int, default=0
            The index of the network, if `n_members` is above 1.

        Returns
        -------
        ndarray of shape (n_samples, n_tasks, n_experts)
            The weights; they sum to one over the experts.

        Raises
        ------
        IndexError
            If there is no such level or member.
        """
        net = self.net_
        table = self.model_.read(X)
        gates = partial(net.member(member).eval().gate_weights, level=level)
        weights = torch.cat(list(net.map_batches(table, gates)), dim=1)
        return weights.transpose(0, 1).numpy()
