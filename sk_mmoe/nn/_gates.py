"""The kinds of gates, by name."""

from __future__ import annotations

import math

from sk_mmoe.nn._dselect_k_gate import DSelectKGate
from sk_mmoe.nn._softmax_gate import SoftmaxGate
from sk_mmoe.nn._top_k_gate import TopKGate

GATES = ("softmax", "top_k", "dselect_k")


def make_gate(
    name: str,
    in_features: int,
    n_gates: int,
    n_experts: int,
    *,
    n_active: int = 2,
    entropy: float = 0.0,
    dropout: float = 0.0,
) -> SoftmaxGate | DSelectKGate:
    """Return new gates of the named kind. Parameters of other kinds are ignored."""
    if name not in GATES:
        raise ValueError(f"gate must be one of {list(GATES)}, got {name!r}.")
    if not 0 <= dropout < 1:
        raise ValueError(f"gate_dropout must be in [0, 1), got {dropout}.")
    if name == "softmax":
        return SoftmaxGate(in_features, n_gates, n_experts, dropout=dropout)
    if not 1 <= n_active <= n_experts:
        raise ValueError(
            f"n_active_experts must be from 1 to n_experts={n_experts} with gate={name!r}, got "
            f"{n_active}. Lower it, or raise n_experts."
        )
    if name == "top_k":
        return TopKGate(in_features, n_gates, n_experts, n_active=n_active, dropout=dropout)
    if not 0 <= entropy < math.inf:
        raise ValueError(f"gate_entropy must be a finite number of at least 0, got {entropy}.")
    return DSelectKGate(
        in_features, n_gates, n_experts, n_active=n_active, entropy=entropy, dropout=dropout
    )
