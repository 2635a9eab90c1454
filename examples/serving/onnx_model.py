"""What the service predicts with an ONNX file of ``to_onnx``. It needs no torch, no pandas."""

import json
from typing import Any

import numpy as np
from onnxruntime import InferenceSession, SessionOptions

# What cells may be, what a gap becomes, and the type of the array, for each type of an input.
_CELLS = {
    "tensor(string)": (str | None, "", object),
    "tensor(double)": (float | None, np.nan, np.float64),
    "tensor(float)": (float | None, np.nan, np.float32),
    "tensor(int64)": (int, None, np.int64),
    "tensor(bool)": (bool, None, np.bool_),
}


class OnnxModel:
    """An ONNX file that was made with the rows of a DataFrame.

    Parameters
    ----------
    path : str
        The file.
    """

    def __init__(self, path: str) -> None:
        options = SessionOptions()
        options.intra_op_num_threads = 1  # several requests are computed at a time
        self.session = InferenceSession(path, options)
        self.inputs = {column.name: column.type for column in self.session.get_inputs()}
        if unknown := sorted(set(self.inputs.values()) - set(_CELLS)):
            raise ValueError(
                f"the inputs of {path} must be of the types {list(_CELLS)}, got {unknown}. Convert "
                "these columns, e.g. to float64, before to_onnx."
            )
        if self.session.get_inputs()[0].shape[1] != 1:
            raise ValueError(
                f"the file {path} takes an array, whose columns have no names. Fit to a DataFrame."
            )
        self.columns = {name: _CELLS[type_][0] for name, type_ in self.inputs.items()}
        metadata = self.session.get_modelmeta().custom_metadata_map
        self.classes = json.loads(metadata["classes"])
        self.outputs = [output.name for output in self.session.get_outputs()]
        probabilities = {f"{name}_probabilities" for name in self.classes}
        self.tasks = [name for name in self.outputs if name not in probabilities]
        self.title = f"ONNX: {', '.join(self.tasks)}"

    def answer(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return for each row and task a prediction, and the probabilities of classes."""
        inputs = {}
        for name, type_ in self.inputs.items():
            _, gap, dtype = _CELLS[type_]
            cells = [gap if row[name] is None else row[name] for row in rows]
            inputs[name] = np.array(cells, dtype=dtype)[:, None]
        results = dict(zip(self.outputs, self.session.run(None, inputs), strict=True))
        found: list[dict[str, Any]] = [{} for _ in rows]
        for name in self.tasks:
            for row, value in zip(found, results[name].tolist(), strict=True):
                row[name] = {"prediction": value}
        for name, labels in self.classes.items():
            keys = list(map(str, labels))
            for row, parts in zip(found, results[f"{name}_probabilities"].tolist(), strict=True):
                row[name]["probabilities"] = dict(zip(keys, parts, strict=True))
        return found
