"""What a notebook shows of an estimator."""

import html
import re

import pytest
from skops.card import Card

from sk_mmoe import MMoEMixedPredictor


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


def test_an_unfitted_estimator_shows_parameters_only():
    shown = MMoEMixedPredictor()._repr_html_()
    assert "n_experts" in shown
    assert "Fitted attributes" not in shown


def test_a_card_of_skops_describes_a_model(model):
    page = Card(model).add_metrics(click_roc_auc=0.9).render()
    assert "n_experts" in page
    assert "click_roc_auc" in page
