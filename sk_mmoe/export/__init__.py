"""Fitted estimators as ONNX models and as programs of torch, which run without this package.

ONNX needs the extra ``onnx``. The packages are imported only when a model is converted.

Examples
--------
>>> from sk_mmoe import MMoERegressor
>>> from sk_mmoe.datasets import make_multitask_sinusoid
>>> from sk_mmoe.export import torch_inputs
>>> X, y = make_multitask_sinusoid(200, n_features=10, random_state=0)
>>> regressor = MMoERegressor(max_iter=5, random_state=0).fit(X, y)
>>> {name: tuple(part.shape) for name, part in torch_inputs(regressor, X).items()}
{'numbers': (200, 10)}
"""

from sk_mmoe.export._to_onnx import to_onnx
from sk_mmoe.export._to_torch import to_torch_export, torch_inputs

__all__ = ["to_onnx", "to_torch_export", "torch_inputs"]
