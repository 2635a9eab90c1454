"""A linear layer of all tasks whose weights form one tensor in Tucker form."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from numbers import Integral, Real
from typing import Any

import torch
from torch import Tensor, nn

from sk_mmoe.nn._linear import linear
from sk_mmoe.nn._random import current_generator
from sk_mmoe.nn._sparse import SparseRows
from sk_mmoe.nn._stacked import check_sizes


class TuckerLinear(nn.Module):
    r"""An affine map per task, with the weights of all tasks in one tensor in Tucker form.

    The weights of all tasks, of shape (in_features, out_features, n_tasks), are

    .. math:: W_{iok} = \sum_{a=1}^{r_1} \sum_{b=1}^{r_2} \sum_{c=1}^{r_3}
       S_{abc} \, U^1_{ia} \, U^2_{ob} \, U^3_{kc}

    with a core :math:`S` and factors :math:`U^1, U^2, U^3` [1]_. Row :math:`k` of :math:`U^3` and
    the bias of a task belong to that task alone; the tasks share all other parameters.

    The initial rows of the factors are unit vectors. The core is drawn as the weights of
    ``torch.nn.Linear`` are, then scaled to their mean square. Every weight therefore has the same
    variance as in ``torch.nn.Linear``, ``1 / (3 * in_features)``, for any ranks.

    Parameters
    ----------
    n_tasks : int
        Number of tasks.
    in_features : int
        Number of input features of each map.
    out_features : int
        Number of output features of each map.
    ranks : int, float or sequence of three of them, default=(1.0, 0.5, 1.0)
        The ranks :math:`r_1` (inputs), :math:`r_2` (outputs) and :math:`r_3` (tasks). A single
        value is used for all three. A float in (0, 1] is a fraction of the length of the axis,
        rounded, and at least one. An int is the rank itself; if it exceeds the full rank, the full
        rank is used, so that one int fits layers of all sizes. Note that ``1.0`` is the full rank
        and ``1`` is rank one. Lower the ranks to make the tasks share more.
    bias : bool, default=True
        Whether the maps have an additive bias.

    Attributes
    ----------
    core : torch.nn.Parameter of shape (r1, r2, r3)
        The core.
    input_factor : torch.nn.Parameter of shape (in_features, r1)
        The factor of the inputs.
    output_factor : torch.nn.Parameter of shape (out_features, r2)
        The factor of the outputs.
    task_factor : torch.nn.Parameter of shape (n_tasks, r3)
        The factor of the tasks: how each task combines the shared parameters.
    bias : torch.nn.Parameter of shape (n_tasks, out_features) or None
        The biases of all tasks.

    Raises
    ------
    ValueError
        If `ranks` is not one or three ints of at least 1 or floats in (0, 1], or a size is not a
        positive integer.

    Notes
    -----
    The full rank is that of the tensor unfolded along the axis: the length of the axis, or the
    product of the other two lengths if that is smaller. A higher rank would add parameters without
    adding possible weights.

    References
    ----------
    .. [1] Yang and Hospedales "Deep Multi-task Representation Learning: A Tensor Factorisation
       Approach", ICLR 2017.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import TuckerLinear
    >>> layer = TuckerLinear(2, 10, 8, ranks=(5, 4, 2))
    >>> layer(torch.zeros(7, 10)).shape
    torch.Size([2, 7, 8])
    >>> layer.core.shape
    torch.Size([5, 4, 2])
    """

    def __init__(
        self,
        n_tasks: int,
        in_features: int,
        out_features: int,
        *,
        ranks: float | Sequence[float] = (1.0, 0.5, 1.0),
        bias: bool = True,
    ) -> None:
        super().__init__()
        shape = check_sizes((in_features, out_features, n_tasks), name="the sizes of a layer")
        r1, r2, r3 = resolved = _resolve_ranks(ranks, shape)
        self.core = nn.Parameter(torch.empty(resolved))
        self.input_factor = nn.Parameter(torch.empty(in_features, r1))
        self.output_factor = nn.Parameter(torch.empty(out_features, r2))
        self.task_factor = nn.Parameter(torch.empty(n_tasks, r3))
        self.bias = nn.Parameter(torch.empty(n_tasks, out_features)) if bias else None
        self.reset_parameters()

    @torch.no_grad()
    def reset_parameters(self) -> None:
        """Draw the core and the factors, so that the weights vary as in ``torch.nn.Linear``."""
        bound = 1 / math.sqrt(len(self.input_factor))
        nn.init.uniform_(self.core, -bound, bound, generator=current_generator())
        # If a core has few entries, all may be small by chance. Then no weight would be large.
        self.core.mul_(bound / (3 * self.core.square().mean()).sqrt())
        if self.bias is not None:
            nn.init.uniform_(self.bias, -bound, bound, generator=current_generator())
        for factor in (self.input_factor, self.output_factor, self.task_factor):
            # Orthogonal columns let factors of full rank leave the spectrum of the core as it is.
            nn.init.orthogonal_(factor, generator=current_generator())
            factor.div_(factor.norm(dim=1, keepdim=True))

    def _inner_weight(self) -> Tensor:
        """Return the weights without the factor of the inputs, (n_tasks, out_features, r1)."""
        return self.output_factor @ torch.einsum("kc,abc->kba", self.task_factor, self.core)

    @property
    def weight(self) -> Tensor:
        """The weights of all tasks, of shape (n_tasks, out_features, in_features)."""
        return self._inner_weight() @ self.input_factor.T

    def forward(self, x: Tensor | SparseRows) -> Tensor:
        """Apply the map of every task.

        Parameters
        ----------
        x : Tensor of shape (n_samples, in_features) or (n_tasks, n_samples, in_features), or \
                SparseRows
            One input shared by all tasks, or one input per task.

        Returns
        -------
        Tensor of shape (n_tasks, n_samples, out_features)
            The outputs.
        """
        in_features, r1 = self.input_factor.shape
        # It is cheaper to apply a factor with few columns first, else to compute the weights.
        if isinstance(x, SparseRows) or 2 * r1 <= in_features:
            return linear(linear(x, self.input_factor.T), self._inner_weight(), self.bias)
        return linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Describe the shape of the layer."""
        return (
            f"n_tasks={len(self.task_factor)}, {len(self.input_factor)} -> "
            f"{len(self.output_factor)}, ranks={tuple(self.core.shape)}, "
            f"bias={self.bias is not None}"
        )


def _resolve_ranks(ranks: Any, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return the ranks of a tensor of the given shape as ints."""
    given = tuple(ranks) if isinstance(ranks, Iterable) else (ranks,) * 3
    if len(given) != 3 or not all(map(_is_rank, given)):
        raise ValueError(
            "ranks must be one value or three (inputs, outputs, tasks), each an int of at least 1 "
            f"or a float in (0, 1], got {ranks!r}."
        )
    size = math.prod(shape)
    full = [min(length, size // length) for length in shape]
    asked = [
        int(rank) if isinstance(rank, Integral) else max(1, round(rank * length))
        for rank, length in zip(given, shape, strict=True)
    ]
    return tuple(map(min, asked, full))


def _is_rank(rank: Any) -> bool:
    """Return whether a value is a valid rank: an int of at least 1, or a fraction."""
    if isinstance(rank, Integral):
        return not isinstance(rank, bool) and int(rank) >= 1
    return isinstance(rank, Real) and 0 < float(rank) <= 1
