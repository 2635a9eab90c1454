"""What a notebook shows of an estimator."""

import html
import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn import config_context
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from skops.card import Card

from sk_mmoe import MMoEClassifier, MMoEMixedPredictor

SUMMARY = '<table class="sk-mmoe-tasks">'


@pytest.fixture
def model(X, y_mixed):
    """Return a fitted predictor."""
    return MMoEMixedPredictor(max_iter=2, random_state=0).fit(X, y_mixed)


def test_a_notebook_shows_what_was_learned(model):
    shown = model._repr_html_()
    text = html.unescape(re.sub(r"<[^>]*>", " ", shown[shown.index("Fitted attributes") :]))
    rows = " ".join(text.split())
    assert "task_names_ list ['click', 'level'," in rows
    assert "task_kinds_ list ['binary'," in rows
    assert "n_features_in_ int 8" in rows
    assert "n_tasks_ int 3" in rows
    assert "n_iter_ int 2" in rows


def test_a_notebook_shows_the_tasks_and_the_sizes(model):
    shown = model._repr_mimebundle_()["text/html"]
    assert shown.count(SUMMARY) == model._repr_html_().count(SUMMARY) == 1
    table = ElementTree.fromstring(shown[shown.index(SUMMARY) :])
    head, *rows = [[cell.text or "" for cell in row] for row in table.iter("tr")]
    assert head == ["Task", "Kind", "Classes", "Training loss", "Validation loss"]
    assert [row[:3] for row in rows] == [
        ["click", "binary", "2"],
        ["level", "multiclass", "3"],
        ["watch_time", "regression", ""],
    ]
    last = [model.task_loss_curve_[-1], model.validation_task_loss_curve_[-1]]
    assert_allclose([[float(cell) for cell in row[3:]] for row in rows], np.transpose(last), 1e-3)
    n_weights = sum(w.numel() for w in model.net_.module_.parameters())
    expected = f"8 features, 3 tasks, 5 networks, {n_weights:,} weights, 2 epochs."
    assert table.find("caption").text.startswith(expected)


def test_a_step_of_a_pipeline_shows_its_tasks_among_the_fitted_attributes(X, y_mixed):
    model = MMoEMixedPredictor(max_iter=1, n_members=1, random_state=0)
    shown = make_pipeline(StandardScaler(), model).fit(X, y_mixed)._repr_html_()
    text = html.unescape(re.sub(r"<[^>]*>", " ", shown))
    rows = " ".join(text.split())
    assert "task_names_ list ['click', 'level'," in rows
    assert "n_tasks_ int 3" in rows


def test_names_are_escaped_and_many_tasks_are_cut(X):
    y = np.tile(X[["x0"]] > 0, 60)
    y = pd.DataFrame(y, columns=[f"<b>{k}" for k in range(60)])
    model = MMoEClassifier(max_iter=1, n_members=1, random_state=0).fit(X, y)
    shown = model._repr_html_()
    assert "<b>0" not in shown
    assert "and 10 more" in shown
    assert "1 network," in shown


def test_a_stream_has_no_validation_loss(X, y_mixed):
    model = MMoEMixedPredictor(random_state=0).partial_fit(X, y_mixed)
    shown = model._repr_html_()
    assert "Training loss" in shown
    assert "Validation loss" not in shown


def test_text_is_shown_where_scikit_learn_is_told_so(model):
    with config_context(display="text"):
        assert not hasattr(model, "_repr_html_")
        assert list(model._repr_mimebundle_()) == ["text/plain"]


def test_an_unfitted_estimator_shows_parameters_only():
    shown = MMoEMixedPredictor()._repr_html_()
    assert "n_experts" in shown
    assert "Fitted attributes" not in shown
    assert SUMMARY not in shown


def test_a_card_of_skops_describes_a_model(model):
    page = Card(model).add_metrics(click_roc_auc=0.9)
    page.add_table(Tasks={"Task": model.task_names_, "Kind": model.task_kinds_})
    page = page.add(Size=f"{model.n_weights_:,} weights").render()
    assert "n_experts" in page
    assert "click_roc_auc" in page
    assert re.search(r"\| watch_time +\| regression +\|", page)
    assert f"{model.n_weights_:,} weights" in page
