"""Scores of many rows: a net's network in large batches, without gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from sk_mmoe.columns._tables import as_table, select

_PREDICT_ROWS = 8192
_PREDICT_VALUES = 2**24
# So many rows and more go through the same kernels; 64 take twice the time of 16.
_PAD_ROWS = 16


class BatchedPrediction:
    """What a net does to predict."""

    module_: torch.nn.Module
    device: str

    @property
    def seeds(self) -> list[int]:
        """The seed of each network that predicts."""
        raise NotImplementedError

    def predict_scores(self, X: Any) -> list[Tensor]:
        """Return the raw scores of each task.

        Parameters
        ----------
        X : ndarray, CSR matrix or ColumnTable of shape (n_samples, n_features)
            The input.

        Returns
        -------
        list of Tensor of shape (n_samples, n_outputs[k])
            The scores, on the CPU. For several members: one member after the other.
        """
        batches = self.map_batches(X, self.module_)
        return [torch.cat(parts, dim=-2) for parts in zip(*batches, strict=True)]

    def map_batches(self, X: Any, function: Callable[[Tensor], Any]) -> Iterator[Any]:
        """Apply a function of the module to the rows of X, in large batches, without gradients.

        Batches are padded with rows of zeros: a few rows alone would go through kernels that round
        differently, and a row's prediction would depend on its company.

        Parameters
        ----------
        X : ndarray, CSR matrix or ColumnTable of shape (n_samples, n_features)
            The input.
        function : callable
            A function of rows on the net's device, that returns one tensor or several with the
            rows of X along the last dimension but one.

        Yields
        ------
        Tensor or list of Tensor
            The result of each batch, on the CPU.
        """
        n_rows = min(_PREDICT_ROWS, _PREDICT_VALUES // X.shape[1]) // len(self.seeds)
        batch_size = max(_PAD_ROWS, n_rows // _PAD_ROWS * _PAD_ROWS)
        if self.module_.training:  # to tell all layers takes as long as to compute one row
            self.module_.eval()
        table = as_table(X)
        for start in range(0, len(table), batch_size):
            n_rows = min(batch_size, len(table) - start)
            batch = select(table, slice(start, start + n_rows))
            with torch.inference_mode():
                result = function(_pad(batch, -n_rows % _PAD_ROWS).to(self.device))
            yield _first_rows(result, n_rows)


def _pad(batch: Any, surplus: int) -> Any:
    """Return a batch with rows of zeros at its end."""
    if surplus == 0:
        return batch
    if isinstance(batch, Tensor):
        return F.pad(batch, (0, 0, 0, surplus))
    return batch.pad(surplus)


def _first_rows(result: Any, n_rows: int) -> Any:
    """Return a tensor, or several, without the rows of zeros, on the CPU."""
    if isinstance(result, Tensor):
        return result.narrow(-2, 0, n_rows).cpu()
    return [_first_rows(part, n_rows) for part in result]
