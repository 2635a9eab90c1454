"""What torch traces of a fitted model: the program from numbers and codes to predictions."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch.export import Dim, ExportedProgram

from sk_mmoe.estimators._fitted import FittedModel
from sk_mmoe.export._outputs import find_outputs
from sk_mmoe.export._program import Program, example_inputs

if TYPE_CHECKING:
    from onnx import ModelProto


def trace(model: FittedModel) -> ExportedProgram:
    """Return the program of a model, for any number of rows.

    Parameters
    ----------
    model : FittedModel
        The fitted model.

    Returns
    -------
    ExportedProgram
        The program.
    """
    inputs = example_inputs(model)
    rows = Dim("n_samples")
    shapes: Any = {name: {0: rows} for name in inputs}
    with torch.no_grad(), warnings.catch_warnings():
        # Members keep the penalty of each pass, which a program does not need.
        warnings.filterwarnings("ignore", message="The tensor attribute .*_penalty was assigned")
        return torch.export.export(Program(model), (), kwargs=inputs, dynamic_shapes=shapes)


def trace_onnx(model: FittedModel, *, opset: int) -> ModelProto:
    """Return the program of a model in ONNX.

    Parameters
    ----------
    model : FittedModel
        The fitted model.
    opset : int
        The version of the operators.

    Returns
    -------
    ModelProto
        A model that takes numbers and codes, and returns the predictions under their names.
    """
    program = trace(model)
    with _in_silence():
        exported = torch.onnx.export(
            program,
            input_names=list(example_inputs(model)),
            output_names=[output.name for output in find_outputs(model.tasks)],
            opset_version=opset,
            external_data=False,
            verbose=False,
        )
    assert exported is not None
    return exported.model_proto


@contextmanager
def _in_silence() -> Iterator[None]:
    """Keep to itself what torch and onnxscript say of their own code, and of other packages."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            for category in (DeprecationWarning, FutureWarning, RuntimeWarning):
                warnings.simplefilter("ignore", category)
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
