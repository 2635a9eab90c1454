"""The nodes of an ONNX graph, put down one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np
from onnx import GraphProto, NodeProto, TensorProto, helper, numpy_helper

# The operators for categories, and their first version that looks up numbers in double precision.
ML, ML_OPSET = "ai.onnx.ml", 4

# The first version with all other operators that are needed. Later ones would add nothing.
OPSET = 18


class Graph:
    """Nodes and constants of an ONNX graph.

    Parameters
    ----------
    prefix : str
        How all names begin, so that graphs can be put together.

    Attributes
    ----------
    nodes : list of NodeProto
        The nodes, each after those whose results it takes.
    constants : list of TensorProto
        The constants.
    """

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.nodes: list[NodeProto] = []
        self.constants: list[TensorProto] = []

    def add(self, operator: str, *inputs: str, output: str | None = None, **attributes: Any) -> str:
        """Add a node with one result.

        Parameters
        ----------
        operator : str
            The operator of ONNX.
        *inputs : str
            The names of what it takes.
        output : str, default=None
            The name of its result. `None`: a new one.
        **attributes
            The attributes of the node, and its `domain`.

        Returns
        -------
        str
            The name of the result.
        """
        name = output or f"{self.prefix}{operator}_{len(self.nodes)}"
        node = f"{self.prefix}{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, inputs, [name], node, **attributes))
        return name

    def constant(self, values: Any) -> str:
        """Add a constant.

        Parameters
        ----------
        values : array-like
            The constant. Objects are strings.

        Returns
        -------
        str
            Its name.
        """
        name = f"{self.prefix}constant_{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def cast(self, value: str, dtype: Any) -> str:
        """Add a conversion to another type.

        Parameters
        ----------
        value : str
            The name of what is converted.
        dtype : numpy dtype
            The type.

        Returns
        -------
        str
            The name of the result.
        """
        return self.add("Cast", value, to=helper.np_dtype_to_tensor_dtype(np.dtype(dtype)))


def rename(graph: GraphProto, names: dict[str, str]) -> None:
    """Give other names to inputs, outputs and results of a graph.

    Parameters
    ----------
    graph : GraphProto
        The graph, which is changed.
    names : dict of str to str
        The new names, by the old ones.
    """
    for part in (*graph.input, *graph.output, *graph.value_info):
        part.name = names.get(part.name, part.name)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
