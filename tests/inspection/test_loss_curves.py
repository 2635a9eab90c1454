"""The picture of losses over epochs."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mmoe import MMoEClassifier, SharedBottomClassifier
from sk_mmoe.inspection import LossCurvesDisplay

NAMES = ["click", "level"]


def test_drawn_are_the_losses_of_the_estimator(X, y):
    model = MMoEClassifier(max_iter=4, random_state=0).fit(X, y)
    display = LossCurvesDisplay.from_estimator(model)
    assert display.best_epoch == 1 + np.argmax(model.validation_scores_)
    for k, name in enumerate(NAMES):
        assert display.axes_[k].get_title() == name
        assert_array_equal(display.lines_[k].get_xdata(), [1, 2, 3, 4])
        assert_array_equal(display.lines_[k].get_ydata(), model.task_loss_curve_[:, k])
        held_out = display.validation_lines_[k].get_ydata()
        assert_array_equal(held_out, model.validation_task_loss_curve_[:, k])
        assert_array_equal(display.best_epoch_lines_[k].get_xdata(), [display.best_epoch] * 2)


def test_the_best_epoch_gave_the_weights(X, y):
    # One network, and any improvement counts: then training goes on after the best epoch.
    fast = {"learning_rate_init": 0.1, "tol": 0.0, "n_members": 1, "random_state": 0}
    model = SharedBottomClassifier(main_task="level", **fast).fit(X, y)
    display = LossCurvesDisplay.from_estimator(model)
    assert display.best_epoch == 1 + np.argmin(model.validation_task_loss_curve_[:, 1])
    assert display.best_epoch < model.n_iter_


def test_curves_differ_without_colour(X, y):
    display = LossCurvesDisplay.from_estimator(MMoEClassifier(max_iter=3, random_state=0).fit(X, y))
    kinds = [display.lines_, display.validation_lines_, display.best_epoch_lines_]
    assert len({lines[0].get_linestyle() for lines in kinds}) == 3


def test_nothing_is_held_out_without_early_stopping(X, y):
    model = MMoEClassifier(max_iter=3, early_stopping=False, random_state=0).fit(X, y)
    display = LossCurvesDisplay.from_estimator(model)
    assert display.validation_task_loss is None
    assert display.best_epoch is None
    assert display.validation_lines_ is None
    assert display.best_epoch_lines_ is None
    assert [len(panel.lines) for panel in display.axes_] == [1, 1]


def test_epochs_before_early_stopping_have_no_held_out_loss(X, y):
    model = MMoEClassifier(max_iter=2, warm_start=True, early_stopping=False, random_state=0)
    model.fit(X, y).set_params(early_stopping=True, max_iter=3).fit(X, y)
    display = LossCurvesDisplay.from_estimator(model)
    assert len(display.task_loss) == 5
    assert np.isnan(display.validation_task_loss[:2]).all()
    assert_array_equal(display.validation_task_loss[2:], model.validation_task_loss_curve_)
    assert display.best_epoch == 3 + np.argmax(model.validation_scores_)


def test_a_pipeline_may_lead_to_the_estimator(X, y):
    model = make_pipeline(StandardScaler(), MMoEClassifier(max_iter=2, random_state=0)).fit(X, y)
    display = LossCurvesDisplay.from_estimator(model)
    assert_array_equal(display.task_loss, model[-1].task_loss_curve_)


def test_a_single_epoch_can_be_seen():
    display = LossCurvesDisplay([[0.7]], validation_task_loss=[[0.8]], task_names=["click"]).plot()
    assert display.lines_[0].get_marker() == display.validation_lines_[0].get_marker() == "o"
    longer = LossCurvesDisplay([[0.7], [0.6]], task_names=["click"]).plot()
    assert longer.lines_[0].get_marker() == "None"


def test_drawn_is_where_one_says():
    figure, axes = plt.subplots(1, 2)
    display = LossCurvesDisplay([[0.7, 0.3]], task_names=NAMES)
    assert display.plot(ax=axes) is display
    assert display.figure_ is figure
    assert list(display.axes_) == list(axes)


def test_many_tasks_stand_in_rows():
    display = LossCurvesDisplay(np.ones((2, 5)), task_names="abcde").plot()
    assert len(display.axes_) == len(display.figure_.axes) == 5
    places = [panel.get_subplotspec() for panel in display.axes_]
    assert [place.rowspan.start for place in places] == [0, 0, 0, 1, 1]


def test_what_cannot_be_drawn_is_an_error():
    with pytest.raises(ValueError, match="LogisticRegression has no task_loss_curve_"):
        LossCurvesDisplay.from_estimator(LogisticRegression().fit([[0], [1]], [0, 1]))
    with pytest.raises(NotFittedError):
        LossCurvesDisplay.from_estimator(MMoEClassifier())
    with pytest.raises(ValueError, match="one name for each of the 2 tasks"):
        LossCurvesDisplay([[0.7, 0.3]], task_names=["click"])
    with pytest.raises(ValueError, match=r"shape \(1, 2\) of task_loss, got \(1, 1\)"):
        LossCurvesDisplay([[0.7, 0.3]], validation_task_loss=[[1]], task_names=NAMES)
    with pytest.raises(ValueError, match="best_epoch must be from 1 to 1, got 0"):
        LossCurvesDisplay([[0.7, 0.3]], best_epoch=0, task_names=NAMES)
    with pytest.raises(ValueError, match="ax must have 2 axes, one for each panel, got 1"):
        LossCurvesDisplay([[0.7, 0.3]], task_names=NAMES).plot(ax=plt.gca())
