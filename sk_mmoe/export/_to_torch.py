"""A fitted estimator as a program of torch."""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.export import ExportedProgram

from sk_mmoe.estimators._fitted import FittedModel
from sk_mmoe.export._checks import check_columns, split_pipeline
from sk_mmoe.export._program import read_inputs
from sk_mmoe.export._tracing import trace


def to_torch_export(estimator: Any, X: Any) -> ExportedProgram:
    """Export the network of a fitted estimator with :func:`torch.export.export`.

    The program runs where Python does not, for instance after compilation with AOTInductor. It
    begins behind the strings of a table: it takes numbers in their units and codes of categories.
    To run on the columns themselves, see :func:`to_onnx`.

    Parameters
    ----------
    estimator : estimator
        A fitted estimator, or a search for the best one. The transformers of a pipeline cannot be
        exported. Pass its last step, with X as that step takes it.
    X : {DataFrame, array-like, sparse matrix} of shape (n_samples, n_features)
        Some rows.

    Returns
    -------
    torch.export.ExportedProgram
        The program, for any number of rows. Save it by ``torch.export.save(program, path)``. It
        takes the keyword arguments that :func:`torch_inputs` makes of a table, and
        returns a dictionary. Under the name of each task are the numbers of the likeliest classes,
        as places in ``classes_``, or numbers in the units of y. Under the name followed by
        "_probabilities" are the probabilities of its classes, as float64.

    Raises
    ------
    TypeError
        If the estimator is none of this package.
    ValueError
        If X is not valid, or has a column of a kind that cannot be exported.

    See Also
    --------
    torch_inputs : What the program takes.
    to_onnx : From the columns of a table, strings included, to labels.

    Examples
    --------
    >>> from sk_mmoe import MMoERegressor
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> from sk_mmoe.export import to_torch_export, torch_inputs
    >>> X, y = make_multitask_sinusoid(200, n_features=10, random_state=0)
    >>> regressor = MMoERegressor(max_iter=5, random_state=0).fit(X, y)
    >>> program = to_torch_export(regressor, X).module()
    >>> predictions = program(**torch_inputs(regressor, X[:7]))
    >>> {name: tuple(part.shape) for name, part in predictions.items()}
    {'task0': (7,), 'task1': (7,)}
    """
    model = _model_of(estimator, what="to_torch_export")
    read_inputs(model, X)  # which checks it
    return trace(model)


def torch_inputs(estimator: Any, X: Any) -> dict[str, Tensor]:
    """Return what the program of :func:`to_torch_export` takes.

    Parameters
    ----------
    estimator : estimator
        The fitted estimator.
    X : {DataFrame, array-like, sparse matrix} of shape (n_samples, n_features)
        The rows.

    Returns
    -------
    dict of str to Tensor
        "numbers" are the columns that are read as numbers, as float64 of shape (n_samples,
        n_number_columns) with NaN for gaps. "codes" are those that are read as categories, as int64
        of shape (n_samples, n_categorical_columns), with -1 for what `fit` has not seen. A table
        without such columns has no such entry.

    Raises
    ------
    TypeError
        If the estimator is none of this package.
    ValueError
        If X is not valid.

    See Also
    --------
    to_torch_export : The program.

    Examples
    --------
    >>> from sk_mmoe import MMoERegressor
    >>> from sk_mmoe.datasets import make_multitask_sinusoid
    >>> from sk_mmoe.export import torch_inputs
    >>> X, y = make_multitask_sinusoid(200, n_features=10, random_state=0)
    >>> regressor = MMoERegressor(max_iter=5, random_state=0).fit(X, y)
    >>> torch_inputs(regressor, X)["numbers"].shape
    torch.Size([200, 10])
    """
    return read_inputs(_model_of(estimator, what="torch_inputs"), X)


def _model_of(estimator: Any, *, what: str) -> FittedModel:
    """Return the model of an estimator, all of whose columns can be exported."""
    steps, last = split_pipeline(estimator)
    if steps:
        raise TypeError(
            f"{what} cannot take the steps {[name for name, _ in steps]} of a pipeline. Pass its "
            "last step, with X as that step takes it: pipeline[-1], pipeline[:-1].transform(X)."
        )
    model = last.model_
    check_columns(model.reader)
    return model
