"""Gradients without the parts that conflict."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sk_mmoe.nn._random import current_generator


class PCGrad(nn.Module):
    """Remove the conflicts between the tasks' gradients, and add up the rest.

    Use it if the tasks pull the shared parameters in opposite directions. Two gradients conflict if
    their inner product is negative. Each gradient is projected onto the plane normal to every other
    one that it conflicts with, in random order [1]_.

    References
    ----------
    .. [1] Yu et al. "Gradient Surgery for Multi-Task Learning", NeurIPS 2020, algorithm 1.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import PCGrad
    >>> PCGrad()(torch.tensor([[1.0, 0.0], [-1.0, 1.0]]))
    tensor([0.5000, 1.5000])
    """

    def __init__(self) -> None:
        super().__init__()

    def forward(self, gradients: Tensor) -> Tensor:
        """Return the sum of the projected gradients.

        Parameters
        ----------
        gradients : Tensor of shape (n_tasks, n_parameters)
            The gradient of each task.

        Returns
        -------
        Tensor of shape (n_parameters,)
            The sum.
        """
        # A projected gradient is a mixture of the gradients, and inner products of mixtures need
        # those of the gradients only: the loop runs over a few numbers, on the CPU.
        products = (gradients @ gradients.T).tolist()
        n_tasks = len(products)
        mixtures = [[float(i == j) for j in range(n_tasks)] for i in range(n_tasks)]
        for i, mixture in enumerate(mixtures):
            for j in torch.randperm(n_tasks, generator=current_generator()).tolist():
                product = sum(w * p for w, p in zip(mixture, products[j], strict=True))
                if j != i and product < 0:
                    mixture[j] -= product / products[j][j]
        return gradients.new_tensor(mixtures).sum(dim=0) @ gradients
