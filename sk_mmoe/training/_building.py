"""How a net comes about: module, criterion and optimizer, from the seed or from another net."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import torch
from skorch import NeuralNet
from skorch.history import History

from sk_mmoe.callbacks._settings import describe_setting
from sk_mmoe.nn import (
    EmbeddedNetwork,
    MemberStack,
    MultiTaskLoss,
    WeightAverage,
    initialize_weights,
    parameter_groups,
)
from sk_mmoe.training._moments import load_moments
from sk_mmoe.training._seeding import epoch_seed, seed_generators, separate_generators

_Net = TypeVar("_Net", bound="NetBuilding")

# Settings of networks that change how they are trained, but not what they compute.
_OF_TRAINING = {
    "coupling",
    "dropout",
    "embedding_alpha",
    "gate_dropout",
    "gate_entropy",
    "own_weight_init",
    "stitch_learning_rate_factor",
}


class NetBuilding(NeuralNet):
    """The part of a net that builds it."""

    # Together with the module they are pickled so that they share its parameters.
    cuda_dependent_attributes_ = ["average_"]  # noqa: RUF012

    module_: torch.nn.Module
    criterion_: MultiTaskLoss
    optimizer_: torch.optim.Optimizer
    average_: WeightAverage | None
    history: History
    seed: int
    further_seeds: Sequence[int]
    dtype: str
    weight_init: str
    average: bool

    def initialize(self: _Net) -> _Net:
        """Build module, criterion, optimizer and callbacks, from the seed."""
        with separate_generators(self.device):
            seed_generators(epoch_seed(self.seed, 0), self.device)
            super().initialize()
        return self

    def continue_from(self: _Net, other: NetBuilding, *, n_epochs: int | None = None) -> _Net:
        """Take over weights, optimizer state and history of a net of the same architecture.

        Parameters
        ----------
        other : MultiTaskNet
            The net, which stays as it is.
        n_epochs : int, default=None
            How many of the last epochs of the history to take over. `None`: all of them.

        Returns
        -------
        MultiTaskNet
            The net itself.

        Raises
        ------
        ValueError
            If the optimizers differ, or settings that shape what the network computes.
        RuntimeError
            If the weights of the networks have other shapes.
        """
        if not self.initialized_:
            self.initialize()
        changed = [
            f"{name} was {before}, is {now}"
            for name, before, now in _changes(_computation(other), _computation(self))
        ]
        if changed:
            raise ValueError("; ".join(changed))
        self.module_.load_state_dict(other.module_.state_dict())
        # Another balancing starts afresh.
        same = _kinds(self.criterion_) == _kinds(other.criterion_)
        if same:
            self.criterion_.load_state_dict(other.criterion_.state_dict())
        load_moments(self, other, of_criterion=same)
        if self.average_ is not None and other.average_ is not None:
            self.average_.load_state_dict(other.average_.state_dict())
        epochs = list(other.history)[-n_epochs if n_epochs else None :]
        # What is recorded of an epoch never changes after its end: the rows need not be copied.
        self.history = History(epochs)
        return self

    def initialize_module(self: _Net) -> _Net:
        """Build the module in the net's dtype."""
        self._build_module()
        if self.further_seeds:
            networks = [self.module_]
            for seed in self.further_seeds:
                seed_generators(epoch_seed(seed, 0), self.device)
                self._build_module()
                networks.append(self.module_)
            self.module_ = MemberStack(networks)
        # Threads that predict with a loaded model must not find dropout switched on.
        self.module_ = self.module_.to(getattr(torch, self.dtype)).eval()
        return self

    def _build_module(self) -> None:
        """Build a single module, and draw its weights."""
        super().initialize_module()
        if self.weight_init != "torch":  # what it has already
            initialize_weights(self.module_, self.weight_init)

    def initialize_criterion(self: _Net) -> _Net:
        """Build the criterion in the net's dtype."""
        super().initialize_criterion()
        self.criterion_ = self.criterion_.to(getattr(torch, self.dtype))
        return self

    def initialize_optimizer(self: _Net, triggered_directly: Any = None) -> _Net:
        """Build the optimizer, and the average of the weights that it changes."""
        super().initialize_optimizer(triggered_directly)
        self.average_ = WeightAverage(self.module_.parameters()) if self.average else None
        return self

    def get_params_for_optimizer(self, prefix: str, named_parameters: Any) -> tuple[Any, Any]:
        """Ask module and criterion for the settings of their parameters, unless users give some."""
        args, kwargs = super().get_params_for_optimizer(prefix, named_parameters)
        by_user = "param_groups" in self.get_params_for(prefix)
        if by_user or issubclass(self.optimizer, torch.optim.LBFGS):  # which knows one group only
            return args, kwargs
        parts = (self.module_, self.criterion_)
        return ([g for part in parts for g in parameter_groups(part, kwargs["lr"])],), kwargs

    def torch_compile(self, module: torch.nn.Module, name: str) -> torch.nn.Module:
        """Compile the module in place, which leaves the names of its parameters unchanged."""
        if self.compile and name == "module":
            # The backward pass of lookups is written by hand: there is nothing to compile in it.
            body: Any = module.network if isinstance(module, EmbeddedNetwork) else module
            body.compile(**self.get_params_for("compile"))
        return module


def _computation(net: NetBuilding) -> dict[str, str]:
    """Describe the settings that shape what the network of a net computes."""
    settings = {name: value for name, value in vars(net).items() if name.startswith("module__")}
    named = {name.removeprefix("module__"): value for name, value in settings.items()}
    return {
        name: describe_setting(value) for name, value in named.items() if name not in _OF_TRAINING
    }


def _changes(before: dict[str, str], now: dict[str, str]) -> list[tuple[str, str, str]]:
    """Return the names whose values differ, with both values."""
    names = [name for name in before | now if before.get(name) != now.get(name)]
    return [(name, before.get(name, "absent"), now.get(name, "absent")) for name in names]


def _kinds(criterion: MultiTaskLoss) -> list[type]:
    """Return the types of all parts of a criterion."""
    return [type(part) for part in criterion.modules()]
