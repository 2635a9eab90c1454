"""A web service that predicts with a model file: of ``save_model``, or an ONNX file of ``to_onnx``.

Start it with the path of a file::

    SK_MMOE_MODEL=model.safetensors uvicorn service:create_app --factory --workers 1
    SK_MMOE_MODEL=model.onnx uvicorn service:create_app --factory --workers 1

Both need ``pip install fastapi uvicorn``. The first needs ``sk_mmoe[persist]`` as well, the second
only ``onnxruntime``.

``/docs`` shows the schema, ``POST /predict`` takes one row, ``POST /predict_rows`` a list of them.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Protocol

import anyio.to_thread
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, create_model

# So many requests are computed at a time; the others wait for their turn.
N_THREADS = 8
# A longer list would keep all others waiting.
LARGEST_BATCH = 10_000


class Model(Protocol):
    """What predicts."""

    title: str
    columns: dict[str, Any]
    """The types of the cells of each column, as pydantic takes them."""

    def answer(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return for each row and task a prediction, and the probabilities of classes."""


def create_app(model: Model | None = None) -> FastAPI:
    """Return the service.

    Parameters
    ----------
    model : Model, default=None
        What predicts. `None` loads the file that the environment variable SK_MMOE_MODEL names.

    Returns
    -------
    FastAPI
        The service.
    """
    model = load(os.environ["SK_MMOE_MODEL"]) if model is None else model
    row = row_schema(model)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = N_THREADS
        yield

    app = FastAPI(title=model.title, lifespan=lifespan)

    @app.exception_handler(RequestValidationError)
    def refuse(request: Request, error: RequestValidationError) -> JSONResponse:
        """Say what is wrong, without what was sent: JSON cannot express an infinite number."""
        reasons = [
            {key: reason[key] for key in ("type", "loc", "msg")} for reason in error.errors()
        ]
        return JSONResponse({"detail": reasons}, status_code=422)

    # Functions without `async` run in threads, any number of which may use one model.
    @app.post("/predict")
    def predict(one: row) -> dict[str, Any]:  # type: ignore[valid-type]
        """Predict all tasks of one row."""
        return model.answer([one.model_dump(by_alias=True)])[0]

    @app.post("/predict_rows")
    def predict_rows(rows: list[row]) -> list[dict[str, Any]]:  # type: ignore[valid-type]
        """Predict all tasks of several rows."""
        if not 0 < len(rows) <= LARGEST_BATCH:
            raise HTTPException(413, f"send 1 to {LARGEST_BATCH} rows, not {len(rows)}.")
        return model.answer([one.model_dump(by_alias=True) for one in rows])

    return app


def load(path: str) -> Model:
    """Return the model of a file."""
    # Each kind of file needs packages that the other does without.
    if path.endswith(".onnx"):
        from onnx_model import OnnxModel

        return OnnxModel(path)
    from estimator_model import EstimatorModel

    return EstimatorModel(path)


def row_schema(model: Model) -> type[BaseModel]:
    """Return the schema of a row. Columns that the model does not know are refused.

    Parameters
    ----------
    model : Model
        What predicts.

    Returns
    -------
    type of BaseModel
        The schema.
    """
    # Fields have plain names, because a column may be called anything.
    fields = {
        f"column_{number}": (cell, Field(alias=name))
        for number, (name, cell) in enumerate(model.columns.items())
    }
    # No column of the training table had an infinite number. A gap is null.
    config = ConfigDict(extra="forbid", allow_inf_nan=False)
    return create_model("Row", __config__=config, **fields)
