"""The balancing methods by name, and other modules that may be passed instead."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy

from torch import nn

from sk_mmoe.nn.balancing._dynamic_average import DynamicWeightAverage
from sk_mmoe.nn.balancing._famo import FAMO
from sk_mmoe.nn.balancing._fixed import FixedWeights
from sk_mmoe.nn.balancing._gradnorm import GradNorm
from sk_mmoe.nn.balancing._pcgrad import PCGrad
from sk_mmoe.nn.balancing._scalarization import LossScalarization
from sk_mmoe.nn.balancing._surgery import GradientSurgery
from sk_mmoe.nn.balancing._torchjd import is_a
from sk_mmoe.nn.balancing._two_samples import TwoSampleWeighting
from sk_mmoe.nn.balancing._uncertainty import UncertaintyWeighting

BALANCING: dict[str, Callable[[], FixedWeights]] = {
    "fixed": FixedWeights,
    "uncertainty": UncertaintyWeighting,
    "dwa": DynamicWeightAverage,
    "famo": FAMO,
    "gradnorm": GradNorm,
    "pcgrad": lambda: GradientSurgery(PCGrad()),
}


def make_balancing(balancing: str | nn.Module) -> FixedWeights:
    """Return a fresh balancing.

    Parameters
    ----------
    balancing : str or torch.nn.Module
        The name of a method, a balancing, which is copied, or a module of TorchJD: a scalarizer, an
        aggregator, ``MoDoWeighting`` or ``SDMGradWeighting``. Any other module is taken for an
        aggregator.

    Returns
    -------
    FixedWeights
        The balancing, not started yet.

    Raises
    ------
    ValueError
        If there is no such method, or a module of TorchJD needs calls that training does not make.
    """
    if isinstance(balancing, str):
        if balancing not in BALANCING:
            raise ValueError(f"balancing must be one of {sorted(BALANCING)}, got {balancing!r}.")
        return BALANCING[balancing]()
    balancing = deepcopy(balancing)
    if isinstance(balancing, FixedWeights):
        return balancing
    name = type(balancing).__name__
    if is_a(balancing, "scalarization.FAMO", "scalarization.DWA"):
        # They must be told of each step or epoch, and what they remember is not in a state_dict.
        raise ValueError(
            f"TorchJD's {name} cannot be saved and resumed. Use {name.lower()!r} instead, or "
            f"sk_mmoe.nn.{'FAMO' if name == 'FAMO' else 'DynamicWeightAverage'} for other settings."
        )
    if is_a(balancing, "scalarization.Scalarizer"):
        return LossScalarization(balancing)
    if is_a(balancing, "aggregation.Weighting"):
        if any(
            is_a(part, "aggregation.MoDoWeighting", "aggregation.SDMGradWeighting")
            for part in balancing.modules()
        ):
            return TwoSampleWeighting(balancing)
        raise ValueError(
            f"{name} returns weights, not a gradient. Pass the aggregator of TorchJD that belongs "
            f"to it, such as {name.removesuffix('Weighting')}, or GramianWeightedAggregator"
            f"({name}(...))."
        )
    return GradientSurgery(balancing)
