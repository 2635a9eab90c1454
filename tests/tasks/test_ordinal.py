"""Classes in an order: cumulative logits, checked against a likelihood that is written out."""

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit, log_expit
from scipy.special import logit as logit_of
from sklearn.linear_model import LogisticRegression

from sk_mmoe import MMoEClassifier, MMoEMixedPredictor
from sk_mmoe.tasks._encoder import TaskEncoder
from sk_mmoe.tasks._kinds import make_task
from sk_mmoe.tasks._ordinal import OrdinalTask, cumulative_logits, ordinal_loss
from sk_mmoe.tasks._targets import read_targets

RNG = np.random.default_rng(0)
GRADES = ["low", "middle", "high"]


def make_ordinal(n_classes):
    return OrdinalTask("grade", np.arange(n_classes))


def draw_scores(n_samples, n_classes, scale=3.0):
    return torch.from_numpy(scale * RNG.normal(size=(n_samples, n_classes - 1)))


def written_out(scores, n_classes):
    """Return the probabilities of one sample, step by step."""
    above = [1.0]
    uniform = [logit_of(1 - (k + 1) / n_classes) for k in range(n_classes - 1)]
    logit = float(scores[0]) + uniform[0]
    for k in range(n_classes - 1):
        if k > 0:
            logit -= np.log1p(np.exp(scores[k]) * np.expm1(uniform[k - 1] - uniform[k]))
        above.append(expit(logit))
    above.append(0.0)
    return [above[k] - above[k + 1] for k in range(n_classes)]


@pytest.mark.parametrize("n_classes", [2, 3, 4, 9])
def test_probabilities_are_differences_of_cumulative_ones(n_classes):
    task, scores = make_ordinal(n_classes), draw_scores(30, n_classes)
    expected = [written_out(row, n_classes) for row in scores.numpy()]
    assert_allclose(task.log_proba(scores).exp().numpy(), expected, atol=1e-14)


@pytest.mark.parametrize("n_classes", [2, 3, 9])
@pytest.mark.parametrize("scale", [1.0, 30.0, 1e4])
def test_probabilities_sum_to_one_and_are_those_of_the_loss(n_classes, scale):
    task, scores = make_ordinal(n_classes), draw_scores(40, n_classes, scale)
    log_proba = task.log_proba(scores)
    assert log_proba.shape == (40, n_classes)
    assert torch.isfinite(log_proba).all()
    assert_allclose(log_proba.exp().sum(dim=1).numpy(), 1, rtol=1e-12)
    for code in range(n_classes):
        losses = ordinal_loss(scores, torch.full((40,), float(code)).double())
        assert losses.shape == (40,)
        assert_array_equal(losses.numpy(), -log_proba[:, code].numpy())


@pytest.mark.parametrize("n_classes", [2, 3, 9])
def test_scores_of_zero_make_all_classes_equally_likely(n_classes):
    proba = make_ordinal(n_classes).log_proba(torch.zeros(1, n_classes - 1).double()).exp()
    assert_allclose(proba.numpy(), 1 / n_classes, rtol=1e-12)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=8))
@settings(deadline=None, max_examples=100)
def test_logits_never_rise(scores):
    logits = cumulative_logits(torch.tensor(scores, dtype=torch.float64))
    assert (logits.diff() <= 0).all()
    assert logits[0].item() == pytest.approx(scores[0] + np.log(len(scores)))


def test_extreme_scores_lose_no_small_probability():
    log_proba = make_ordinal(3).log_proba(torch.tensor([[1000.0, 5.0], [-1000.0, 5.0]]).double())
    # Zero scores stand for the logits log(2) and -log(2), which are log(4) apart.
    score, first = 5 + np.log(3), np.log(2)
    distance = np.log1p(np.exp(score))
    assert_allclose(log_proba[0, 0].item(), -(1000 + first))
    # The middle class: the sigmoid of the score whose softplus is the distance of its bounds.
    assert_allclose(log_proba[0, 1].item(), -(1000 + first - distance) + log_expit(score))
    assert_allclose(log_proba[1, 2].item(), -1000 + first - distance)
    assert log_proba[1, 0].item() == 0.0


def test_gradients_are_finite_in_single_precision():
    scores = torch.tensor([[80.0, -80.0], [-80.0, 80.0], [0.0, 0.0]], requires_grad=True)
    ordinal_loss(scores, torch.tensor([0.0, 1.0, 2.0])).sum().backward()
    assert torch.isfinite(scores.grad).all()


def test_two_ordered_classes_are_a_logistic_regression():
    X = RNG.normal(size=(300, 2))
    y = (X[:, 0] + RNG.normal(size=300) > 0.5).astype(float)
    weight = torch.zeros(3, 1, dtype=torch.float64, requires_grad=True)
    inputs = torch.from_numpy(np.column_stack([X, np.ones(300)]))
    _minimise(lambda: ordinal_loss(inputs @ weight, torch.from_numpy(y)).mean(), weight)
    expected = LogisticRegression(C=np.inf, tol=1e-10).fit(X, y)
    assert_allclose(weight[:2, 0].detach(), expected.coef_[0], atol=1e-5)
    # Scores of zero are at even odds, so the intercept is the logit itself.
    assert_allclose(weight[2].item(), expected.intercept_[0], atol=1e-5)


def test_without_inputs_the_likelihood_is_highest_at_the_shares_of_the_classes():
    codes = torch.from_numpy(RNG.choice(4, 500, p=[0.1, 0.4, 0.2, 0.3])).double()
    scores = torch.zeros(1, 3, dtype=torch.float64, requires_grad=True)
    _minimise(lambda: ordinal_loss(scores.expand(500, 3), codes).mean(), scores)
    shares = np.bincount(codes.long(), minlength=4) / 500
    assert_allclose(make_ordinal(4).log_proba(scores.detach()).exp()[0], shares, atol=1e-6)


def test_data_of_a_cumulative_logit_model_give_its_coefficients_back():
    rng = np.random.default_rng(1)
    x = rng.normal(size=20_000)
    # P(y > k) = sigmoid(1.5 x - cut), the logits of all classes at a fixed distance.
    cuts = np.array([-1.0, 0.5, 2.0])
    above = expit(1.5 * x[:, None] - cuts)
    codes = torch.from_numpy((rng.uniform(size=(20_000, 1)) < above).sum(axis=1)).double()
    slope = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    rest = torch.zeros(3, dtype=torch.float64, requires_grad=True)
    inputs = torch.from_numpy(x)

    def loss():
        scores = torch.cat([(slope * inputs + rest[0])[:, None], rest[1:].expand(20_000, 2)], dim=1)
        return ordinal_loss(scores, codes).mean()

    _minimise(loss, slope, rest)
    assert_allclose(slope.item(), 1.5, atol=0.05)
    assert_allclose(-cumulative_logits(rest.detach()).numpy(), cuts, atol=0.06)


def _minimise(loss, *parameters):
    optimizer = torch.optim.LBFGS(
        parameters, max_iter=200, tolerance_grad=1e-10, tolerance_change=1e-14,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def closure():
        optimizer.zero_grad()
        value = loss()
        value.backward()
        return value

    optimizer.step(closure)


@pytest.mark.parametrize("n_classes", [2, 3, 9])
@pytest.mark.parametrize("scale", [0.1, 3.0, 30.0])
def test_members_predict_the_mean_of_their_probabilities(n_classes, scale):
    task = make_ordinal(n_classes)
    scores = torch.stack([draw_scores(20, n_classes, scale) for _ in range(3)])
    expected = task.log_proba(scores).exp().mean(dim=0)
    assert_allclose(task.log_proba(task.average(scores)).exp(), expected, atol=1e-12)


def test_one_member_alone_keeps_its_probabilities():
    task, scores = make_ordinal(5), draw_scores(20, 5)
    again = task.log_proba(task.average(scores[None]))
    assert_allclose(again, task.log_proba(scores), rtol=1e-6, atol=1e-9)


def test_predicted_class_is_the_likeliest():
    task, scores = make_task("grade", GRADES, np.array(GRADES)), draw_scores(40, 3)
    assert_array_equal(task.decode(scores), task.classes[task.log_proba(scores).argmax(dim=1)])


# -- the order ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "y", "classes"),
    [
        (GRADES, ["high", "low", "middle"], GRADES),
        (np.array(GRADES), ["high", "low", "high"], GRADES),
        (("b", "a"), ["a", "b"], ["b", "a"]),
        ([3, 2, 1], [1, 2, 3], [3, 2, 1]),
        ("ordinal", [3, 10, 2], [2, 3, 10]),
        ("ordinal", [True, False], [False, True]),
        ("ordinal", pd.Series(["high", "low"], dtype=pd.CategoricalDtype(GRADES, True)), GRADES),
        (GRADES[::-1], pd.Series(GRADES, dtype=pd.CategoricalDtype(GRADES, True)), GRADES[::-1]),
    ],
)
def test_classes_are_in_the_order_declared(kind, y, classes):
    encoder = TaskEncoder.learn(read_targets(y, estimator_name="E"), kinds=[kind])
    assert encoder.kinds == ["ordinal"]
    assert encoder.classes[0].tolist() == classes
    assert encoder.n_outputs == [len(classes) - 1]


@pytest.mark.parametrize(
    ("kind", "labels", "message"),
    [
        ("ordinal", GRADES, r"task 't' is ordinal, but its labels do not say their order"),
        (["low", "high"], GRADES, r"labels \['middle'\] in task 't' that are not among its class"),
        (["low", "high", "low"], GRADES, "tasks names a class of 't' more than once"),
        (GRADES, ["low", "low"], r"at least two classes, got only one class: \['low'\]"),
    ],
)
def test_an_order_that_does_not_fit_is_refused(kind, labels, message):
    with pytest.raises(ValueError, match=message):
        make_task("t", kind, np.array(labels))


def ordered_table():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(500, 3))
    level = X[:, 0] * 2 + rng.logistic(size=500)
    grade = np.select([level < -1, level < 1], GRADES[:2], GRADES[2])
    return X, pd.DataFrame({"grade": grade, "click": X[:, 1] > 0, "minutes": X[:, 2]})


def test_an_estimator_keeps_the_order_and_its_probabilities_sum_to_one():
    X, y = ordered_table()
    tasks = {"grade": GRADES}
    model = MMoEClassifier(tasks=tasks, max_iter=20, random_state=0).fit(X, y.iloc[:, :2])
    assert model.task_kinds_ == ["ordinal", "binary"]
    assert model.classes_[0].tolist() == GRADES
    proba = model.predict_proba(X)[0]
    assert_allclose(proba.sum(axis=1), 1)
    # More of the feature, and higher grades are likelier: the order was used.
    expected_rank = proba @ [0, 1, 2]
    assert np.corrcoef(expected_rank, X[:, 0])[0, 1] > 0.9
    assert set(model.predict(X)[:, 0]) <= set(GRADES)


def test_kinds_stand_side_by_side_in_a_mixed_predictor():
    X, y = ordered_table()
    y["visits"] = RNG.poisson(np.exp(X[:, 0]))
    tasks = {"grade": GRADES, "visits": "count"}
    model = MMoEMixedPredictor(tasks=tasks, max_iter=2, n_members=2, random_state=0).fit(X, y)
    assert model.task_kinds_ == ["ordinal", "binary", "regression", "count"]
    assert [proba is None for proba in model.predict_proba(X)] == [False, False, True, True]


def test_a_stream_with_a_declared_order_needs_no_further_classes():
    X, y = ordered_table()
    model = MMoEClassifier(tasks=[GRADES], random_state=0)
    first = y["grade"][:20].replace("high", "low")
    model.partial_fit(X[:20], first).partial_fit(X, y["grade"], classes=["high", "low", "middle"])
    model.partial_fit(X[:20], first, classes=["low", "middle"])  # those that occur
    assert model.classes_.tolist() == GRADES
    with pytest.raises(
        ValueError, match=r"classes of task 'grade' are \['low', 'middle', 'high'\]"
    ):
        model.partial_fit(X, y["grade"], classes=["high", "top"])
