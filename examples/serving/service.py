"""A web service that predicts with a model file of ``save_model``.

Install ``pip install "sk_mmoe[persist]" fastapi uvicorn``, then start it with the path of a file::

    SK_MMOE_MODEL=model.safetensors uvicorn service:create_app --factory --workers 1

``/docs`` shows the schema, ``POST /predict`` takes one row, ``POST /predict_rows`` a list of them.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
import numpy as np
import pandas as pd
import torch
from fastapi import FastAPI, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, create_model

from sk_mmoe import load_model

# A row is soon predicted: with several threads of torch for each they would fight for cores.
torch.set_num_threads(1)
# So many requests are computed at a time; the others wait for their turn.
N_THREADS = 8
# A longer list would keep all others waiting.
LARGEST_BATCH = 10_000

Number, Category = FiniteFloat | None, str | bool | int | FiniteFloat | None


def create_app(model: Any = None) -> FastAPI:
    """Return the service.

    Parameters
    ----------
    model : estimator, default=None
        A fitted estimator. `None` loads the file that the environment variable SK_MMOE_MODEL names.

    Returns
    -------
    FastAPI
        The service.
    """
    model = load_model(os.environ["SK_MMOE_MODEL"]) if model is None else model
    row = row_schema(model)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        anyio.to_thread.current_default_thread_limiter().total_tokens = N_THREADS
        yield

    app = FastAPI(
        title=f"{type(model).__name__}: {', '.join(model.task_names_)}", lifespan=lifespan
    )

    @app.exception_handler(RequestValidationError)
    def refuse(request: Request, error: RequestValidationError) -> JSONResponse:
        """Say what is wrong, without what was sent: JSON cannot express an infinite number."""
        reasons = [
            {key: reason[key] for key in ("type", "loc", "msg")} for reason in error.errors()
        ]
        return JSONResponse({"detail": reasons}, status_code=422)

    # Functions without `async` run in threads, any number of which may use one estimator.
    @app.post("/predict")
    def predict(one: row) -> dict[str, Any]:  # type: ignore[valid-type]
        """Predict all tasks of one row."""
        return answer(model, [one])[0]

    @app.post("/predict_rows")
    def predict_rows(rows: list[row]) -> list[dict[str, Any]]:  # type: ignore[valid-type]
        """Predict all tasks of several rows."""
        if not 0 < len(rows) <= LARGEST_BATCH:
            raise HTTPException(413, f"send 1 to {LARGEST_BATCH} rows, not {len(rows)}.")
        return answer(model, rows)

    return app


def row_schema(model: Any) -> type[BaseModel]:
    """Return the schema of a row: a number or a category for each column, which may be missing.

    Parameters
    ----------
    model : estimator
        An estimator that was fitted to a table whose columns have names.

    Returns
    -------
    type of BaseModel
        The schema. Columns that the model does not know are refused.
    """
    categorical = model.is_categorical_
    if categorical is None:
        categorical = np.zeros(model.n_features_in_, dtype=bool)
    columns = zip(model.feature_names_in_, categorical, strict=True)
    # Fields have plain names, because a column may be called anything.
    fields = {
        f"column_{number}": (Category if is_category else Number, Field(alias=name))
        for number, (name, is_category) in enumerate(columns)
    }
    return create_model("Row", __config__=ConfigDict(extra="forbid"), **fields)


def answer(model: Any, rows: list[BaseModel]) -> list[dict[str, Any]]:
    """Return for each row and task a prediction, and the probabilities of classes.

    Parameters
    ----------
    model : estimator
        The fitted estimator.
    rows : list of BaseModel
        The rows.

    Returns
    -------
    list of dict
        For each row a dict of the tasks.
    """
    X = pd.DataFrame([row.model_dump(by_alias=True) for row in rows])
    if model.is_categorical_ is not None:
        # Else a column of nothing but gaps would be one of objects.
        X = X.astype(dict.fromkeys(model.feature_names_in_[~model.is_categorical_], float))
    predicted = np.asarray(model.predict(X)).reshape(len(X), -1)
    found = []
    for values in predicted:
        pairs = zip(model.task_names_, values, strict=True)
        found.append({name: {"prediction": plain(value)} for name, value in pairs})
    if not hasattr(model, "predict_proba"):
        return found
    probas, classes = model.predict_proba(X), model.classes_
    if not isinstance(classes, list):  # y had one dimension
        probas, classes = [probas], [classes]
    for name, proba, labels in zip(model.task_names_, probas, classes, strict=True):
        if proba is None:  # a task with numbers
            continue
        for row, parts in zip(found, proba, strict=True):
            pairs = zip(labels, parts, strict=True)
            row[name]["probabilities"] = {str(label): float(part) for label, part in pairs}
    return found


def plain(value: Any) -> Any:
    """Return a label or number as one of Python's, which JSON can express."""
    return value.item() if isinstance(value, np.generic) else value
