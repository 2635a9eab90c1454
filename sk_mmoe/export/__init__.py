"""Fitted estimators as files that run without this package.

Install what it needs with the extra ``onnx``.

Examples
--------
>>> from sk_mmoe import MMoERegressor
>>> from sk_mmoe.datasets import make_multitask_sinusoid
>>> from sk_mmoe.export import to_onnx
>>> X, y = make_multitask_sinusoid(200, n_features=10, random_state=0)
>>> model = to_onnx(MMoERegressor(max_iter=5, random_state=0).fit(X, y), X)
>>> [output.name for output in model.graph.output]
['task0', 'task1']
"""

from sk_mmoe.export._to_onnx import to_onnx
from sk_mmoe.export._to_torch import to_torch_export, torch_inputs

__all__ = ["to_onnx", "to_torch_export", "torch_inputs"]
