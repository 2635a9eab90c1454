"""Converters for skl2onnx, which converts whole pipelines."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import helper
from skl2onnx import convert_sklearn, update_registered_converter
from skl2onnx.common import data_types
from sklearn.pipeline import Pipeline

from sk_mmoe.estimators._base import MultiTaskEstimator
from sk_mmoe.export._graph import ML, ML_OPSET, Graph
from sk_mmoe.export._inputs import Input
from sk_mmoe.export._model_graph import add_model
from sk_mmoe.export._outputs import find_outputs

_TYPES = {
    "bool": data_types.BooleanTensorType,
    "float16": data_types.Float16TensorType,
    "float32": data_types.FloatTensorType,
    "float64": data_types.DoubleTensorType,
    "int8": data_types.Int8TensorType,
    "int16": data_types.Int16TensorType,
    "int32": data_types.Int32TensorType,
    "int64": data_types.Int64TensorType,
    "object": data_types.StringTensorType,
    "uint8": data_types.UInt8TensorType,
    "uint16": data_types.UInt16TensorType,
    "uint32": data_types.UInt32TensorType,
    "uint64": data_types.UInt64TensorType,
}


def register(estimator: type[MultiTaskEstimator]) -> None:
    """Tell skl2onnx how to convert the fitted estimators of a class.

    Parameters
    ----------
    estimator : type
        The class.
    """
    update_registered_converter(
        estimator,
        f"SkMMoE{estimator.__name__}",
        lambda operator: None,  # the parser has said all about the outputs
        _convert,
        parser=_parse,
        # Pipelines ask every classifier for it. Probabilities of several tasks are arrays anyway.
        options={"zipmap": [True, False, "columns"]},
    )


def convert_pipeline(pipeline: Pipeline, inputs: list[Input], *, opset: int) -> Any:
    """Return a pipeline as an ONNX model, whose inputs and outputs may have other names.

    Parameters
    ----------
    pipeline : Pipeline
        The fitted pipeline, which ends with an estimator of this package.
    inputs : list of Input
        The inputs of X.
    opset : int
        The version of the operators.

    Returns
    -------
    ModelProto
        The model.
    """
    register(type(pipeline[-1]))
    types = [(put.name, _TYPES[put.dtype.name]([None, put.n_columns])) for put in inputs]
    converted = convert_sklearn(pipeline, "sk_mmoe", initial_types=types, target_opset={"": opset})
    # skl2onnx knows an older version only. What it uses of that is the same in this one.
    others = [entry for entry in converted.opset_import if entry.domain != ML]
    del converted.opset_import[:]
    converted.opset_import.extend([*others, helper.make_opsetid(ML, ML_OPSET)])
    return converted


def _parse(scope: Any, model: MultiTaskEstimator, inputs: Any, custom_parsers: Any = None) -> Any:
    """Declare an estimator and its outputs."""
    operator = scope.declare_local_operator(f"SkMMoE{type(model).__name__}", model)
    operator.inputs = inputs
    for name, dtype, n_columns in find_outputs(model.model_.tasks):
        shape = [None] if n_columns is None else [None, n_columns]
        operator.outputs.append(scope.declare_local_variable(name, _TYPES[dtype.name](shape)))
    return operator.outputs


def _convert(scope: Any, operator: Any, container: Any) -> None:
    """Add the nodes of an estimator."""
    model = operator.raw_operator.model_
    names = [output.name for output in find_outputs(model.tasks)]
    opset = container.target_opset_any_domain("")
    graph = Graph(scope.get_unique_operator_name("sk_mmoe") + "_")
    outputs = dict(zip(names, operator.output_full_names, strict=True))
    inputs = [_as_input(variable) for variable in operator.inputs]
    if len(inputs) == 1:  # whose width skl2onnx may not know
        inputs = [inputs[0]._replace(n_columns=model.reader.n_features_in)]
    add_model(graph, model, inputs, outputs, opset=opset)
    container.nodes.extend(graph.nodes)
    container.initializers.extend(graph.constants)
    container.node_domain_version_pair_sets.add(("", opset))


def _as_input(variable: Any) -> Input:
    """Return a variable of skl2onnx as an input."""
    type_ = variable.type.to_onnx_type().tensor_type
    dtype = helper.tensor_dtype_to_np_dtype(type_.elem_type)
    return Input(variable.full_name, np.dtype(dtype), variable.type.shape[1])
