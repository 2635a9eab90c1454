"""AdamW with little overhead per step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor


class FusedAdamW(torch.optim.AdamW):
    """AdamW with less overhead per step than torch's, for small networks.

    Its steps and its state equal those of ``torch.optim.AdamW(..., fused=True)`` to the last bit.
    It is faster because it remembers between steps what torch collects in every step. Hooks on
    optimizer steps may not be called.

    Parameters
    ----------
    params : iterable
        The parameters, or groups of parameters as dicts with their own settings, as
        :func:`parameter_groups` returns them.
    lr : float, default=1e-3
        The learning rate.
    betas : tuple of two floats, default=(0.9, 0.999)
        The decay rates of the running means of the gradients and of their squares.
    eps : float, default=1e-8
        Constant that is added to the denominator of a step.
    weight_decay : float, default=1e-2
        The decoupled weight decay.
    amsgrad : bool, default=False
        Whether to use the AMSGrad variant. Its steps are torch's, with torch's overhead.

    References
    ----------
    .. [1] Loshchilov and Hutter. "Decoupled Weight Decay Regularization", ICLR 2019.

    Examples
    --------
    >>> import torch
    >>> from sk_mmoe.nn import FusedAdamW, MMoE
    >>> network = MMoE(5, [1, 1])
    >>> optimizer = FusedAdamW(network.parameters(), lr=0.01)
    >>> sum(scores.sum() for scores in network(torch.ones(3, 5))).backward()
    >>> optimizer.step()
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
    ) -> None:
        super().__init__(
            params,
            lr=lr,
            betas=betas,
            eps=eps,
            weight_decay=weight_decay,
            amsgrad=amsgrad,
            fused=True,
        )
        self._remembered: list[list[list[Tensor]]] | None = None

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Restore a state, from a pickle or from `load_state_dict`."""
        super().__setstate__(state)  # type: ignore[no-untyped-call]
        self._remembered = None

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add a group of parameters.

        Parameters
        ----------
        param_group : dict
            The parameters, under "params", and their settings.
        """
        # torch's decorator would import its compiler first, which takes a second.
        super().add_param_group.__wrapped__(self, param_group)  # type: ignore[attr-defined]
        self._remembered = None

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Reset the gradients.

        Parameters
        ----------
        set_to_none : bool, default=True
            Whether to set them to None instead of zeros.
        """
        if not set_to_none:
            super().zero_grad(set_to_none)
            return
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    @torch.no_grad()
    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Take a step.

        Parameters
        ----------
        closure : callable, default=None
            Function that evaluates the network again and returns the loss, as torch's optimizers
            accept it.

        Returns
        -------
        object
            The result of the closure.
        """
        if self._remembered is None:
            self._remembered = self._collect()
        if closure is not None or self._remembered is None:
            return super().step(closure)
        gradients = [
            [p.grad for p in parameters if p.grad is not None]
            for parameters, *_ in self._remembered
        ]
        if any(len(own) < len(r[0]) for own, r in zip(gradients, self._remembered, strict=True)):
            return super().step()  # which skips parameters without a gradient
        for settings, group, (parameters, means, squares, steps) in zip(
            self.param_groups, gradients, self._remembered, strict=True
        ):
            if not parameters:
                continue
            torch._foreach_add_(steps, 1)
            torch._fused_adamw_(  # the call of torch.optim since 2.3
                parameters,
                group,
                means,
                squares,
                [],
                steps,
                lr=settings["lr"],
                beta1=settings["betas"][0],
                beta2=settings["betas"][1],
                weight_decay=settings["weight_decay"],
                eps=settings["eps"],
                amsgrad=False,
                maximize=False,
            )
        return None

    # This keeps torch from wrapping the step in a profiler record, which takes as long as the step
    # itself. The wrapper is also where hooks on steps would be called.
    step.hooked = True  # type: ignore[attr-defined]

    def _collect(self) -> list[list[list[Tensor]]] | None:
        """Return the parameters and state of each group, once all have a gradient or a state."""
        for group in self.param_groups:
            # As torch does in its step, but without the import of its compiler.
            self._init_group(group, *([] for _ in range(6)))  # type: ignore[no-untyped-call]
        learned = [[p for p in g["params"] if p.requires_grad] for g in self.param_groups]
        if any(group["amsgrad"] for group in self.param_groups) or any(
            not self.state.get(p) for parameters in learned for p in parameters
        ):
            return None
        names = ("exp_avg", "exp_avg_sq", "step")
        return [
            [parameters, *([self.state[p][name] for p in parameters] for name in names)]
            for parameters in learned
        ]
