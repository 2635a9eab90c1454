"""A fitted model as nodes of ONNX: columns to numbers and codes, the program, labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
from onnx import compose

from sk_mmoe.columns._reader import TableReader
from sk_mmoe.columns.kinds._categories import Categories
from sk_mmoe.estimators._fitted import FittedModel
from sk_mmoe.export._graph import Graph
from sk_mmoe.export._inputs import Input
from sk_mmoe.export._outputs import find_outputs, labels_of
from sk_mmoe.export._program import split_columns
from sk_mmoe.export._tracing import trace_onnx
from sk_mmoe.export.kinds._categories import encode_categories
from sk_mmoe.tasks._task import TaskWithClasses


def add_model(
    graph: Graph,
    model: FittedModel,
    inputs: Sequence[Input],
    outputs: Mapping[str, str],
    *,
    opset: int,
) -> None:
    """Add the nodes of a fitted model.

    Parameters
    ----------
    graph : Graph
        The graph.
    model : FittedModel
        The model.
    inputs : sequence of Input
        The inputs of the graph, which hold the columns of X one after the other.
    outputs : mapping of str to str
        The names of the model's outputs, as :func:`find_outputs` gives them, and those that they
        have in the graph.
    opset : int
        The version of the operators.
    """
    _add_columns(graph, model.reader, inputs)
    program = trace_onnx(model, opset=opset).graph
    compose.add_prefix_graph(program, graph.prefix, inplace=True)
    graph.nodes.extend(program.node)
    graph.constants.extend(program.initializer)
    classes = {t.name: labels_of(t) for t in model.tasks.tasks if isinstance(t, TaskWithClasses)}
    for name in (output.name for output in find_outputs(model.tasks)):
        found = graph.prefix + name
        if name in classes:
            graph.add("Gather", graph.constant(classes[name]), found, output=outputs[name])
        else:
            graph.add("Identity", found, output=outputs[name])


def _add_columns(graph: Graph, reader: TableReader, inputs: Sequence[Input]) -> None:
    """Add what makes the numbers and the codes of the program from the inputs."""
    numbers: list[str] = []
    codes: list[str] = []
    of_numbers, of_labels = map(set, split_columns(reader))
    columns_of = reader.columns or []
    first = 0
    for put in inputs:
        columns = range(first, first + put.n_columns)
        if places := [k - first for k in columns if k in of_numbers]:
            values = _take(graph, put, places)
            numbers.append(values if put.dtype == np.float64 else graph.cast(values, np.float64))
        for k in sorted(of_labels.intersection(columns)):
            column, value = cast(Categories, columns_of[k]), _take(graph, put, [k - first])
            codes.append(encode_categories(graph, column, value, put.dtype))
        first += put.n_columns
    if numbers:
        graph.add("Concat", *numbers, axis=1, output=graph.prefix + "numbers")
    if codes:
        graph.add("Concat", *codes, axis=1, output=graph.prefix + "codes")


def _take(graph: Graph, put: Input, places: list[int]) -> str:
    """Return some columns of an input."""
    if len(places) == put.n_columns:
        return put.name
    return graph.add("Gather", put.name, graph.constant(np.array(places)), axis=1)
