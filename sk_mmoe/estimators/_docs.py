"""Descriptions of parameters and attributes that many estimators share."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import indent
from typing import TypeVar

_Class = TypeVar("_Class", bound=type)

_TRAINING = """\
categorical_features : "from_dtype" or array-like of bool, int or str, default="from_dtype"
    Which columns of X are categorical: a mask, indices, or names of columns. "from_dtype": those of
    a DataFrame that hold categories or strings. Missing values are a category of their own; one
    that `fit` has not seen counts as none. `None`: no column.
numeric_encoding : {"auto", "piecewise_linear"} or None, default="auto"
    How the network reads numeric columns. "piecewise_linear": a learned vector stands at each of up
    to `n_knots` values of a column, and a number is read as what lies between the vectors of its
    neighbours; units do not matter, and missing values have a vector of their own. `None`: as they
    are, best standardised. "auto": "piecewise_linear" in a table with categorical columns, and in a
    DataFrame with missing values; else `None`.
n_knots : int or "auto", default="auto"
    Number of knots of a numeric column, at most: its distinct values where they are fewer, else its
    frequent values and quantiles of the rest. "auto" is half the root of the number of rows, from 8
    to 16, or to 256 where most rows have one value, as the zero of dividends.
embedding_dim : int or None, default=8
    Length of the learned vector that the network reads for a category or knot. `None`: one column
    for each, as :class:`~sklearn.preprocessing.OneHotEncoder` and
    :class:`~sklearn.preprocessing.SplineTransformer` (of degree 1) make them, looked up and never
    multiplied.
embedding_alpha : float, default=1.0
    Strength of the L2 regularisation of these vectors, as AdamW's decoupled weight decay. They
    learn five times as fast as all else. In streams it is `alpha`, so that they forget nothing, and
    an optimizer of `net_params` has a decay of its own.
category_smooth : float, default=20.0
    A category of `n` rows of `fit` has the share ``n / (n + category_smooth)`` of its vector, so
    that rare ones stay close to unseen ones, whose vector is zero. Streams, which do not know `n`,
    and one-hot columns have no such shares. A warm start keeps those of the first fit.
n_cross_layers : int, default=2
    Number of layers between embeddings and network that multiply columns with one another
    (:class:`~sk_mmoe.nn.CrossLayers`), which saves epochs. Inputs without embeddings pass none.
activation : {"identity", "logistic", "tanh", "relu", "gelu", "silu"}, default="relu"
    Activation of the hidden layers.
weight_init : {"torch", "glorot_uniform", "he_uniform"}, default="torch"
    How the first weights are drawn (:func:`~sk_mmoe.nn.initialize_weights`). "torch": as by
    :class:`torch.nn.Linear`. "glorot_uniform": as by Keras and TensorFlow, with zero biases, to
    repeat results from there. "he_uniform": larger weights, for many hidden layers of ReLUs.
dropout : float, default=0.0
    Probability of dropping a unit after every hidden layer, in [0, 1).
task_weights : dict or array-like of shape (n_tasks,), default=None
    Weights of the tasks in the loss, by task name (others weigh 1) or in order. The loss is their
    weighted mean: only ratios matter.
loss_balancing : str or torch.nn.Module, default="fixed"
    How training balances the tasks, on top of `task_weights`. "fixed": by these alone.
    "uncertainty": by learned variances (:class:`~sk_mmoe.nn.UncertaintyWeighting`). "dwa": by how
    fast the losses fall (:class:`~sk_mmoe.nn.DynamicWeightAverage`). "gradnorm": by learned weights
    that even out the sizes of the gradients (:class:`~sk_mmoe.nn.GradNorm`). "pcgrad": by removing
    conflicts between gradients (:class:`~sk_mmoe.nn.PCGrad`). Or one of these classes' instances,
    or an aggregator of TorchJD. Early stopping watches the fixed weighted mean in any case.
learning_rate_init : float, default=1e-3
    Learning rate of AdamW.
alpha : float, default=1e-4
    Strength of the L2 regularisation of weights (not of biases and embeddings), as AdamW's
    decoupled weight decay.
average : bool, default=True
    Whether the weights that are evaluated and kept are the average over the last part, about a
    ninth, of all steps (:class:`~sk_mmoe.nn.WeightAverage`), which a schedule of the learning rate
    would hardly improve.
batch_size : int or "auto", default="auto"
    Number of rows in a minibatch. "auto" is 256 up to 100,000 rows, and 512 beyond.
max_iter : int, default=100
    Number of epochs, at most.
early_stopping : bool or "auto", default="auto"
    Whether to hold out a part of the data (stratified over all tasks), stop when the loss on it no
    longer improves, and return to the best weights. "auto" does so with more than 200 samples,
    or when a validation set is passed to `fit`. Without it the training loss is watched.
validation_fraction : float, default=0.1
    Part of the data to hold out for early stopping.
n_iter_no_change : int, default=10
    Number of epochs without an improvement of `tol` after which training ends.
tol : float, default=1e-4
    The smallest improvement of the loss that counts.
main_task : str or int, default=None
    The task, by name or index, whose loss is watched. `None` watches the loss of all.
warm_start : bool, default=False
    Whether `fit` goes on from the fitted network for up to `max_iter` more epochs.
n_members : int, default=1
    Number of networks, which differ in their seeds and are trained in one program, for less than as
    many fits would take. Predictions are means over them: of probabilities, or of numbers. Each is
    the network that a fit alone would give, as in as many fits with one instance of RandomState and
    one held-out part, but for the numbers that dropout draws.
random_state : int, RandomState instance or None, default=None
    Determines initialisation, order of rows, dropout and the held-out part. Pass an int for
    reproducible results.
verbose : bool or int, default=0
    Whether to print a line per epoch.
device : str or torch.device, default="auto"
    Where to compute: any torch device. "auto" is CUDA where it is available, else the CPU.
dtype : {"float32", "float64"}, default="float32"
    The type of inputs and weights.
compile : bool, default=False
    Whether to compile the network with :func:`torch.compile`. On the CPU it measured slower.
callbacks : list of skorch callbacks, default=None
    Callbacks, or (name, callback) pairs, of skorch. They are cloned; the ones that ran are in
    ``net_.callbacks_``.
net_params : dict, default=None
    Further parameters of the :class:`skorch.NeuralNet`, e.g. ``{"optimizer": torch.optim.SGD}``."""

_CLASS_WEIGHT = """\
class_weight : dict, list of dict or "balanced", default=None
    Weights of classes. "balanced" gives all classes of a task the same say. A dict maps labels to
    weights if there is one task, else task names to such dicts or "balanced"; a list has one entry
    per task."""

_TASKS = """\
tasks : dict, array-like of shape (n_tasks,) or str, default=None
    The kind of each task, by task name, in order, or one for all. With classes: "classification",
    "binary", "multiclass", or "ordinal" for classes with an order. The order is that of numbers, or
    of pandas' ordered categories; or give the labels from the lowest to the highest in place of the
    kind, ``tasks={"grade": ["low", "middle", "high"]}``. With numbers: "regression", or "count" for
    counts and other non-negative quantities that grow by factors. Tasks that are not named are a
    "classification" in classifiers and a "regression" in regressors. Estimators for mixed tasks
    "infer" them: numbers with fractions are a regression, all others classes; declare counts
    there."""

_FITTED = """\
net_ : MultiTaskNet
    The skorch net: module, optimizer, history, callbacks.
n_tasks_ : int
    Number of tasks.
task_names_ : list of str
    Names of the tasks: the columns of y, or "task0", "task1", ...
task_kinds_ : list of {"binary", "multiclass", "ordinal", "regression", "count"}
    Kinds of the tasks.
is_categorical_ : ndarray of bool of shape (`n_features_in_`,) or None
    Which columns are categorical. `None`: none is.
n_features_in_ : int
    Number of features seen during `fit`.
feature_names_in_ : ndarray of shape (`n_features_in_`,)
    Names of the features; defined when X has names that are all strings.
n_iter_ : int
    Number of epochs of training.
loss_curve_ : list of float of length `n_iter_`
    Training loss after each epoch.
task_loss_curve_ : ndarray of shape (`n_iter_`, `n_tasks_`)
    Training loss of each task: log loss, squared error in units of the target's variance, or
    Poisson deviance in units of the target's mean.
best_loss_ : float
    The lowest training loss.
validation_scores_ : list of float of length `n_iter_` or None
    Minus the watched loss on the held-out part, with early stopping.
validation_task_loss_curve_ : ndarray of shape (`n_iter_`, `n_tasks_`) or None
    Loss of each task on the held-out part, with early stopping.
best_validation_score_ : float or None
    The highest of `validation_scores_`; its epoch gave the weights that are kept."""

_CLASSES = """\
classes_ : ndarray of shape (n_classes,), or list of such arrays
    The classes of each task; one array if y had one dimension."""

_SHARED = {
    "{training}": _TRAINING,
    "{class_weight}": _CLASS_WEIGHT,
    "{tasks}": _TASKS,
    "{fitted}": _FITTED,
    "{classes}": _CLASSES,
}


def document(**own: str) -> Callable[[_Class], _Class]:
    """Fill the shared paragraphs into a class's docstring.

    Parameters
    ----------
    **own : str
        Paragraphs of an architecture, by the name that stands in braces in the docstring.

    Returns
    -------
    callable
        A class decorator.
    """
    paragraphs = _SHARED | {f"{{{name}}}": text for name, text in own.items()}

    def decorate(cls: _Class) -> _Class:
        doc = cls.__doc__ or ""
        if "{tasks}" not in doc:
            doc = doc.replace("    {architecture}", "    {tasks}\n    {architecture}")
        for name, text in paragraphs.items():
            doc = doc.replace(f"    {name}", indent(text, "    "))
        cls.__doc__ = doc
        return cls

    return decorate
