"""Scores of many rows: a net's network in large batches, without gradients."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor

from sk_mmoe.training._loader import BatchLoader
from sk_mmoe.training._samples import TableDataset

_PREDICT_ROWS = 8192
_PREDICT_VALUES = 2**24
_PAD_ROWS = 64


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
        for batch, _ in BatchLoader(TableDataset(X), batch_size=batch_size):
            surplus = -batch.shape[0] % _PAD_ROWS
            with torch.inference_mode():
                result = function(_pad(batch, surplus).to(self.device))
            yield _without_surplus(result, surplus)


def _pad(batch: Any, surplus: int) -> Any:
    """Return a batch with rows of zeros at its end."""
    if surplus == 0:
        return batch
    if isinstance(batch, Tensor):
        return torch.cat([batch, batch.new_zeros(surplus, batch.shape[1])])
    return batch.pad(surplus)


def _without_surplus(result: Any, surplus: int) -> Any:
    """Return a tensor, or several, without the last rows, on the CPU."""
    if isinstance(result, Tensor):
        return result[..., : result.shape[-2] - surplus, :].cpu()
    return [_without_surplus(part, surplus) for part in result]
