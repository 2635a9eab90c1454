"""Cross layers, which multiply features with one another."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sk_mmoe.nn._stacked import StackedLinear


class CrossLayers(nn.Module):
    r"""Layers that multiply the input features with one another.

    Layer ``l`` adds to its input the products of the features with linear functions of that input,

    .. math:: x_{l+1} = x_0 \odot (U_l V_l x_l + b_l) + x_l,

    where :math:`V_l` has `rank` rows [1]_. Hidden layers need many units to learn an effect that
    depends on two columns at once; a cross layer represents it in one step.

    Parameters
    ----------
    n_features : int
        Number of features.
    n_layers : int
        Number of layers. Each layer raises the degree of the products by one. 0: the input is
        returned unchanged.
    rank : int, default=64
        Rank of the matrices, at most `n_features`. Lower it to save parameters if there are many
        features.

    References
    ----------
    .. [1] Wang et al. "DCN V2: Improved Deep & Cross Network and Practical Lessons for Web-scale
       Learning to Rank Systems", WWW 2021, section 3.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import CrossLayers
    >>> CrossLayers(5, 2)(torch.zeros(7, 5)).shape
    torch.Size([7, 5])
    """

    def __init__(self, n_features: int, n_layers: int, *, rank: int = 64) -> None:
        super().__init__()
        rank = min(rank, n_features)
        # Single maps, as stacks without axes. A `MemberStack` adds the axis of its members.
        self.down = nn.ModuleList(
            StackedLinear((), n_features, rank, bias=False) for _ in range(n_layers)
        )
        self.up = nn.ModuleList(StackedLinear((), rank, n_features) for _ in range(n_layers))

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layers.

        Parameters
        ----------
        x : Tensor of shape (n_samples, n_features)
            The features.

        Returns
        -------
        Tensor of shape (n_samples, n_features)
            Sums of the features and their products.
        """
        features = x
        for down, up in zip(self.down, self.up, strict=True):
            x = torch.addcmul(x, features, up(down(x)))
        return x
