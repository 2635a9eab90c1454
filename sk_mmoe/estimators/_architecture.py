"""What an architecture adds to an estimator: a network, and the parameters that shape it."""

from __future__ import annotations

from inspect import signature
from typing import Any, ClassVar

import torch

from sk_mmoe.estimators._parameters import Parameters


class Architecture(Parameters):
    """Base of the architectures.

    A subclass names its torch network and declares one parameter for each argument of the network
    that users may set.
    """

    network: ClassVar[type[torch.nn.Module]]

    def network_parameters(self) -> dict[str, Any]:
        """Return the arguments of the network that are parameters of the estimator.

        Returns
        -------
        dict
            The arguments by name.
        """
        accepted = signature(self.network).parameters
        return {name: getattr(self, name) for name in self._get_param_names() if name in accepted}
