"""A fitted estimator or pipeline as an ONNX model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.pipeline import Pipeline

from sk_mmoe.estimators._fitted import FittedModel
from sk_mmoe.export._checks import check_columns, check_names, check_size, require, split_pipeline
from sk_mmoe.export._inputs import Input, find_inputs, type_inputs
from sk_mmoe.export._outputs import find_outputs

if TYPE_CHECKING:
    from onnx import ModelProto


def to_onnx(estimator: Any, X: Any) -> ModelProto:
    """Convert a fitted estimator or pipeline to ONNX.

    The result reads the raw columns, as `predict` does: strings, numbers in any unit, and gaps. It
    runs wherever onnxruntime does, without Python or this package.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator, a :class:`~sklearn.pipeline.Pipeline` that ends with one, or a search
        for the best of either. skl2onnx converts the other steps of a pipeline.
    X : {DataFrame, array-like, sparse matrix} of shape (n_samples, n_features)
        Rows with the columns and dtypes that the model will be given. A few are enough.

    Returns
    -------
    onnx.ModelProto
        The model, for any number of rows. Save it by ``onnx.save(model, path)``.

        *Inputs*: one for each column of a DataFrame, with the name of the column and shape
        (n_samples, 1). An array or sparse matrix has one input "X" of shape (n_samples,
        n_features). Their types are the dtypes of X. Columns that may have gaps, such as those of
        the dtype "Int64", are float64. A gap is NaN among numbers. Among strings it is "", or what
        onnxruntime makes of `None`, NaN and `pd.NA`.

        *Outputs*: for each task its name, of shape (n_samples,): labels or, as float64, numbers in
        the units of y. For a task with classes also the name followed by "_probabilities", as
        float64 of shape (n_samples, n_classes). The order of the classes is also in the metadata
        of the model, as JSON under "classes".

    Raises
    ------
    ImportError
        If onnx or onnxscript is not installed or, for a pipeline, skl2onnx.
    TypeError
        If the estimator is none of this package.
    ValueError
        If X is not valid, or if a column, a label or a name cannot be expressed in ONNX, or if the
        network is larger than 2 GB, the limit of an ONNX file.

    See Also
    --------
    to_torch_export : The same for programs that run torch.

    Notes
    -----
    Predictions agree with those of `predict` and `predict_proba` up to rounding. In a pipeline,
    the numbers of X are float32, as skl2onnx wants them. The ONNX model checks nothing: where
    `predict` raises an error, for instance because a number is infinite, it returns something.

    Examples
    --------
    >>> import numpy as np
    >>> import onnxruntime
    >>> from sk_mmoe import MMoERegressor
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> from sk_mmoe.export import to_onnx
    >>> X, y = make_multitask_sinusoid(200, n_features=10, random_state=0)
    >>> regressor = MMoERegressor(max_iter=5, random_state=0).fit(X, y)
    >>> session = onnxruntime.InferenceSession(to_onnx(regressor, X).SerializeToString())
    >>> first, second = session.run(["task0", "task1"], {"X": X})
    >>> np.allclose(np.column_stack([first, second]), regressor.predict(X), atol=1e-5)
    True
    """
    require("onnx", "onnxscript", what="to_onnx")
    steps, last = split_pipeline(estimator)
    if steps:
        require("skl2onnx", what="to_onnx, for pipelines,")
    model = last.model_
    check_columns(model.reader)
    check_size(model.net.module_)
    estimator.predict(X)  # says what is wrong with X
    inputs, outputs = find_inputs(X), find_outputs(model.tasks)
    check_names([put.name for put in inputs], [output.name for output in outputs])
    if steps:
        converted = _convert_pipeline(Pipeline([*steps, ("model", last)]), inputs)
    else:
        converted = _convert(model, type_inputs(model.reader, inputs))
    _describe(converted, model)
    return converted


def _convert(model: FittedModel, inputs: list[Input]) -> ModelProto:
    """Return a fitted model in ONNX."""
    from onnx import helper

    from sk_mmoe.export._graph import ML, ML_OPSET, OPSET, Graph
    from sk_mmoe.export._model_graph import add_model

    outputs = find_outputs(model.tasks)
    graph = Graph("sk_mmoe/")
    add_model(graph, model, inputs, {part.name: part.name for part in outputs}, opset=OPSET)

    def describe(name: str, dtype: Any, n_columns: int | None) -> Any:
        shape: list[Any] = ["n_samples"] if n_columns is None else ["n_samples", n_columns]
        return helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(dtype), shape)

    return helper.make_model(
        helper.make_graph(
            graph.nodes,
            "sk_mmoe",
            [describe(*part) for part in inputs],
            [describe(*part) for part in outputs],
            graph.constants,
        ),
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid(ML, ML_OPSET)],
        ir_version=10,
    )


def _convert_pipeline(pipeline: Pipeline, inputs: list[Input]) -> ModelProto:
    """Return a fitted pipeline in ONNX."""
    from sk_mmoe.export._graph import OPSET, rename
    from sk_mmoe.export._skl2onnx import convert_pipeline

    # skl2onnx cannot merge columns of several types, and onnxruntime imputes only this one.
    single = np.dtype(np.float32)
    inputs = [put if put.dtype == object else put._replace(dtype=single) for put in inputs]
    converted = convert_pipeline(pipeline, inputs, opset=OPSET)
    # skl2onnx allows only letters, digits and underscores in names.
    found = [part.name for part in (*converted.graph.input, *converted.graph.output)]
    wanted = [put.name for put in inputs]
    wanted += [output.name for output in find_outputs(pipeline[-1].model_.tasks)]
    rename(converted.graph, dict(zip(found, wanted, strict=True)))
    return converted


def _describe(converted: ModelProto, model: FittedModel) -> None:
    """Write into an ONNX model what made it, and which classes its probabilities have."""
    from onnx import helper

    from sk_mmoe import __version__

    converted.producer_name, converted.producer_version = "sk_mmoe", __version__
    tasks = zip(model.tasks.names, model.tasks.classes, strict=True)
    classes = {name: labels.tolist() for name, labels in tasks if labels is not None}
    helper.set_model_props(converted, {"classes": json.dumps(classes)})
