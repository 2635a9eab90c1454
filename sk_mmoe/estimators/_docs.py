"""Docstrings of estimators, put together from those of their parts.

An architecture describes itself and its parameters once. The parameters that all estimators have,
and what a classifier, a regressor and a mixed predictor have each, are described here.
"""

from __future__ import annotations

import re
from inspect import cleandoc
from textwrap import indent
from typing import TypeVar

_Class = TypeVar("_Class", bound=type)

_LAYERS = """\
activation : {"identity", "logistic", "tanh", "relu", "gelu", "silu"}, default="relu"
    Activation function of the hidden layers. The default suits most tables.
dropout : float, default=0.0
    Probability of dropping a unit after every hidden layer during training, in [0, 1). Raise it
    (0.1 to 0.3) when the validation loss rises while the training loss still falls.
weight_init : {"torch", "glorot_uniform", "he_uniform"}, default="torch"
    How the initial weights are drawn (:func:`~sk_mmoe.nn.initialize_weights`). "torch" draws them
    as :class:`torch.nn.Linear` does. "glorot_uniform" draws them as Keras and TensorFlow do, with
    zero biases; use it to reproduce results obtained there. "he_uniform" draws larger weights, for
    networks with many hidden layers and ReLU."""

_COLUMNS = """\
categorical_features : "from_dtype" or array-like of bool, int or str, default="from_dtype"
    Which columns of X are categorical: a mask, indices, or column names. "from_dtype" selects the
    columns of a table that hold categories or strings. Missing values form a category. A
    category that `fit` has not seen is ignored. Set it when codes are stored as integers. `None`:
    no column is categorical.
numeric_encoding : {"auto", "piecewise_linear"} or None, default="auto"
    How the network reads numeric columns. "piecewise_linear" learns an embedding for each of up to
    `n_knots` values of a column, the knots, and interpolates between the two nearest. "auto" reads
    a column twice: through knots and as a standardised number, which stays constant far outside the
    training range. Either way, the units of a column do not matter and values may be missing.
    "auto" divides each column of a sparse matrix by the root mean square of its non-zero values,
    and keeps the matrix sparse. `None` passes the numbers on unchanged: standardise them first.
    Choose it for many columns that act almost linearly, or to train faster.
n_knots : int or "auto", default="auto"
    Maximum number of knots of a numeric column. The knots are the distinct values if there are
    few of them, and otherwise the frequent values and quantiles of the rest. "auto" takes half the
    square root of the number of rows, between 8 and 16. If most rows share one value, such as zero
    for dividends, up to 256 are used. Raise it for columns with sharp thresholds.
embedding_dim : int, "auto" or None, default="auto"
    Length of the embedding of a category or knot. "auto" is 8. With more than 50,000 rows it is
    less if there are more than 20 such columns, and 4 for 40 or more, because large tables train
    slowly. Raise it if columns have many categories and there are many rows of each. `None` gives
    each category and knot an input column instead, as
    :class:`~sklearn.preprocessing.OneHotEncoder` and a
    :class:`~sklearn.preprocessing.SplineTransformer` of degree 1 do. The zeros in these columns
    cost no time.
embedding_alpha : float, default=1.0
    Strength of the L2 regularisation of the embeddings, as AdamW's decoupled weight decay. Lower it
    when every category is frequent. Embeddings learn at five times the learning rate. `partial_fit`
    uses `alpha` instead, so that rare categories are not forgotten. An optimizer given in
    `net_params` keeps its own weight decay.
category_smooth : float, default=20.0
    The embedding of a category with `n` training rows is multiplied by
    ``n / (n + category_smooth)``, which keeps rare categories close to unseen ones. Raise it when
    rare categories are noisy. It has no effect in `partial_fit`, where `n` is unknown, or on
    one-hot columns. A warm start keeps the factors of the first fit.
n_cross_layers : int or "auto", default="auto"
    Number of layers between the embeddings and the network that multiply columns with one another
    (:class:`~sk_mmoe.nn.CrossLayers`). With them, training needs fewer epochs, but each epoch takes
    longer. "auto" is 2, and 1 with more than 50,000 rows. Try 0 when most categories are rare.
    Numbers without embeddings do not pass these layers. A warm start keeps the layers of the first
    fit."""

_TRAINING = """\
task_weights : dict or array-like of shape (n_tasks,), default=None
    Weights of the tasks in the loss, by task name (tasks without an entry have weight 1) or in
    order. The loss is the weighted mean, so only ratios matter. Raise the weight of the task that
    matters most.
loss_balancing : str or torch.nn.Module, default="fixed"
    How training balances the tasks in addition to `task_weights`. "fixed" uses `task_weights`
    alone. The other methods are "uncertainty", "dwa", "famo", "gradnorm" and "pcgrad", see
    :ref:`loss_balancing`. An instance of one of their classes in :mod:`sk_mmoe.nn`, or a scalarizer
    or aggregator of TorchJD, is also accepted. Try another method when one task scores much worse
    in the common network than alone. Early stopping always watches the mean weighted by
    `task_weights`.
learning_rate_init : float or "auto", default="auto"
    Learning rate of AdamW. "auto" is 0.001 for batches of up to 256 rows and with `partial_fit`,
    and grows with the square root of the batch size above. Lower it when training diverges or the
    loss jumps. Raise it, for example to 0.002, when the loss falls too slowly.
alpha : float, default=1e-4
    Strength of the L2 regularisation of the weights (not of biases and embeddings), as AdamW's
    decoupled weight decay. Raise it to 0.1 or more when the network overfits without early
    stopping; smaller values have little effect.
average : bool, default=True
    Whether to keep the average of the weights over roughly the last ninth of the training steps
    (:class:`~sk_mmoe.nn.WeightAverage`). A learning-rate schedule on top brings little. Set it to
    False when `partial_fit` should follow data that change over time.
batch_size : int or "auto", default="auto"
    Number of rows in a minibatch. "auto" is a twentieth of the rows, at least 16 and at most 256.
    For more than 51,200 rows it is a two-hundredth, at most 1024. With `partial_fit` it is 256.
    Raise it when epochs are too slow.
max_iter : int, default=100
    Maximum number of epochs. Raise it when `n_iter_` reaches it and the loss still falls.
early_stopping : bool or "auto", default="auto"
    Whether to hold out a part of the data (stratified over all tasks), stop when the loss on it no
    longer improves, and keep the best weights. "auto" does so with more than 200 samples, or when a
    validation set is passed to `fit`. Without early stopping, training ends when the training loss
    no longer improves. Set it to False when all rows are needed for training.
validation_fraction : float, default=0.1
    Fraction of the data to hold out for early stopping. It has no effect if a validation set is
    passed to `fit`.
n_iter_no_change : int or "auto", default="auto"
    Number of epochs without an improvement of at least `tol` after which training stops. "auto" is
    as many as have about 400 steps, at least 2 and at most 10. Raise it when the validation loss is
    noisy.
tol : float, default=1e-4
    Smallest improvement of the loss that counts.
main_task : str or int, default=None
    Task, by name or index, whose loss decides when training stops. Set it when the other tasks only
    serve to help this one. `None`: the loss over all tasks decides.
warm_start : bool, default=False
    Whether `fit` continues from the fitted network for up to `max_iter` more epochs. Set it to add
    epochs, or to go on with new rows of the same columns and tasks.
n_members : int or "auto", default="auto"
    Number of networks, trained together with different seeds. Predictions are averaged over them
    (probabilities, or numbers), which makes them more accurate and less dependent on the seed. Set
    it to 4 or more if the training time allows it. Small networks take less time together than in
    separate fits. Apart from dropout, each member is the network that a separate fit would give.
    "auto" is 5 for up to 4,000 rows, less for more rows, and 1 for more than 10,000. It is also 1
    with `partial_fit`, with a LazyTable, with `net_params`, and with a `loss_balancing` that looks
    at gradients.
random_state : int, RandomState instance or None, default=None
    Determines initialisation, order of rows, dropout and the held-out rows. Pass an int for
    reproducible results.
verbose : bool or int, default=0
    Whether to print a line per epoch.
device : str or torch.device, default="auto"
    Where to compute: any torch device. "auto" is CUDA if available, else the CPU.
dtype : {"float32", "float64"}, default="float32"
    Type of inputs and weights. Use "float64" for comparisons at high precision. It takes twice the
    memory.
compile : bool, default=False
    Whether to compile the network with :func:`torch.compile`. Leave it at False on the CPU, where
    it was slower.
callbacks : list of skorch callbacks, default=None
    Callbacks of skorch, or pairs (name, callback). They are cloned before training. The clones are
    in ``net_.callbacks_``.
net_params : dict, default=None
    Further parameters of the :class:`skorch.NeuralNet`, e.g. ``{"optimizer": torch.optim.SGD}``."""

_CLASS_WEIGHT = """\
class_weight : dict, list of dict or "balanced", default=None
    Weights of classes. "balanced" gives all classes of a task the same total weight. With one task,
    a dict maps labels to weights. With several tasks, it maps task names to such dicts or to
    "balanced". A list has one entry per task. Set it when a rare class matters more than its
    frequency suggests. Probabilities are then no longer calibrated."""

_TASKS_OF_CLASSIFIERS = """\
tasks : str, dict or array-like of shape (n_tasks,), default=None
    Kind of all tasks, or of each task by name or in order: "classification" (the default),
    "binary", "multiclass" or "ordinal". A list of labels declares an ordinal task whose classes
    have this order. See :ref:`kinds_of_tasks`."""

_TASKS_OF_REGRESSORS = """\
tasks : str, dict or array-like of shape (n_tasks,), default=None
    Kind of all tasks, or of each task by name or in order: "regression" (the default), or "count"
    for counts and rates, which are fitted with the Poisson deviance. See :ref:`kinds_of_tasks`."""

_TASKS = """\
tasks : str, dict or array-like of shape (n_tasks,), default=None
    Kind of all tasks, or of each task by name or in order: "binary", "multiclass", "classification"
    (either of the two), "ordinal", "regression", "count", or "infer". A list of labels declares an
    ordinal task whose classes have this order. Kinds that are not given are inferred: non-integer
    numbers are treated as regression targets, everything else as classes. Declare integers that are
    quantities, such as counts. See :ref:`kinds_of_tasks`."""

_FITTED = """\
net_ : MultiTaskNet
    The skorch net with the module, the optimizer, the history and the callbacks.
n_tasks_ : int
    Number of tasks.
task_names_ : list of str
    Names of the tasks: the columns of y, or "task0", "task1", ...
task_kinds_ : list of str
    Kinds of the tasks, e.g. "binary" or "regression".
is_categorical_ : ndarray of bool of shape (`n_features_in_`,) or None
    Which columns are categorical. `None`: no column is categorical.
n_features_in_ : int
    Number of features seen during `fit`.
feature_names_in_ : ndarray of shape (`n_features_in_`,)
    Names of the features. Defined only when X has feature names that are all strings.
n_members_ : int
    Number of networks whose predictions are averaged.
n_weights_ : int
    Number of weights that training learns, of all networks together.
n_iter_ : int
    Number of epochs of training.
loss_curve_ : list of float of length `n_iter_`
    Training loss after each epoch. In a stream it has the last 100 epochs only, as the other curves
    have.
task_loss_curve_ : ndarray of shape (`n_iter_`, `n_tasks_`)
    Training loss of each task, e.g. log loss, or squared error in units of the target's variance.
best_loss_ : float
    Lowest training loss.
validation_scores_ : list of float of length `n_iter_` or None
    Negative loss on the held-out rows after each epoch: of `main_task`, or the weighted mean over
    the tasks. `None` without early stopping.
validation_task_loss_curve_ : ndarray of shape (`n_iter_`, `n_tasks_`) or None
    Loss of each task on the held-out rows after each epoch. `None` without early stopping.
best_validation_score_ : float or None
    Validation score of the weights that are kept: the highest of `validation_scores_`, or with
    several members the mean of their highest ones. After a warm start only the epochs of the last
    `fit` and the weights that it started from count."""

_CLASSES = """\
classes_ : ndarray of shape (n_classes,), or list of such arrays
    Classes of each task; one array if y had one dimension."""

_EXAMPLE_OF_CLASSES = """\
>>> import numpy as np
>>> from sklearn.datasets import make_classification
>>> from sk_mmoe import {name}
>>> X, click = make_classification(500, n_features=10, random_state=0)
>>> like = np.where(X[:, 0] + click > 1, "yes", "no")
>>> y = np.column_stack([click, like]).astype(object)
>>> model = {name}(max_iter=10, random_state=0).fit(X, y)
>>> model.predict(X[:2]).shape
(2, 2)
>>> [proba.shape for proba in model.predict_proba(X)]
[(500, 2), (500, 2)]"""

_EXAMPLE_OF_NUMBERS = """\
>>> from sk_mmoe import {name}
>>> from sk_mmoe.datasets import make_multitask_sinusoid
>>> X, y = make_multitask_sinusoid(500, n_features=10, random_state=0)
>>> model = {name}(max_iter=10, random_state=0).fit(X, y)
>>> model.predict(X).shape
(500, 2)"""

_EXAMPLE_OF_BOTH = """\
>>> import pandas as pd
>>> from sklearn.datasets import make_regression
>>> from sk_mmoe import {name}
>>> X, watch_time = make_regression(500, n_features=10, random_state=0)
>>> y = pd.DataFrame({{"click": watch_time > 0, "watch_time": watch_time}})
>>> tasks = {{"click": "binary", "watch_time": "regression"}}
>>> model = {name}(tasks=tasks, max_iter=10, random_state=0).fit(X, y)
>>> model.predict(X[:2]).shape
(2, 2)"""

_FACES = {
    "Classifier": {
        "text": "Tasks may be binary, multiclass or ordinal, with labels of any type. Labels may "
        "be missing.",
        "parameters": [_TASKS_OF_CLASSIFIERS, _CLASS_WEIGHT],
        "attributes": [_CLASSES],
        "sibling": "The same network for classes as targets.",
        "example": _EXAMPLE_OF_CLASSES,
    },
    "Regressor": {
        "text": "Targets are standardised internally, so that no task dominates the loss because "
        "of its\nunits. Predictions are in the units of y. Targets may be missing.",
        "parameters": [_TASKS_OF_REGRESSORS],
        "attributes": [],
        "sibling": "The same network for numbers as targets.",
        "example": _EXAMPLE_OF_NUMBERS,
    },
    "MixedPredictor": {
        "text": "The targets may be of several kinds, such as a click and a watch time, and may be "
        "missing.",
        "parameters": [_TASKS, _CLASS_WEIGHT],
        "attributes": [_CLASSES],
        "sibling": "The same network for targets of several kinds.",
        "example": _EXAMPLE_OF_BOTH,
    },
}
_READ_MORE = "Read more in the :doc:`User Guide </user_guide/estimators>`."
_NAME = re.compile(rf"(\w+?)({'|'.join(_FACES)})")


def document(cls: _Class) -> _Class:
    """Complete an estimator's docstring by those of its architecture and of its face.

    Parameters
    ----------
    cls : type
        An estimator class. Its own docstring has a summary, and may have further examples.

    Returns
    -------
    type
        The class.
    """
    if cls.__doc__ is None:  # python -OO
        return cls
    found = _NAME.fullmatch(cls.__name__)
    assert found is not None, f"{cls.__name__} does not end in one of {list(_FACES)}."
    name, face = found[1], _FACES[found[2]]
    own, shared = _sections(cls.__doc__), {}
    for base in reversed(cls.__bases__[1].__mro__):  # OMoE has the parameters of MMoE
        if base.__module__.startswith("sk_mmoe.architectures."):
            shared |= _sections(base.__doc__)
    _, _, body = shared[""].partition("\n\n")
    siblings = [f"{name}{k} : {_FACES[k]['sibling']}" for k in _FACES if k != found[2]]
    parameters = [shared["Parameters"], _LAYERS, _COLUMNS, _TRAINING, *face["parameters"]]
    attributes = [shared.get("Attributes", ""), *face["attributes"], _FITTED]
    page = {
        "Parameters": "\n".join(parameters),
        "Attributes": "\n".join(filter(None, attributes)),
        "See Also": "\n".join([*siblings, shared["See Also"]]),
        "Notes": shared.get("Notes"),
        "References": shared["References"],
        "Examples": "\n\n".join(
            filter(None, [face["example"].format(name=cls.__name__), own.get("Examples")])
        ),
    }
    text = "\n\n".join([own[""], body, face["text"], _READ_MORE])
    for title, part in page.items():
        if part:
            text += f"\n\n{title}\n{'-' * len(title)}\n{part}"
    cls.__doc__ = indent(text, "    ").lstrip() + "\n    "
    return cls


def _sections(doc: str | None) -> dict[str, str]:
    """Split a numpydoc docstring at its titles; what stands before the first has the key ""."""
    parts = re.split(r"\n*^(\w[\w ]+)\n-{3,}\n", cleandoc(doc or ""), flags=re.MULTILINE)
    return {"": parts[0]} | dict(zip(parts[1::2], parts[2::2], strict=True))
