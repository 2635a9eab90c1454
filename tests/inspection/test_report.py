"""The report of a fitted model as a single HTML file."""

import shutil
import subprocess
from html.parser import HTMLParser

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sk_mmoe import CrossStitchClassifier, MMoEMixedPredictor, SharedBottomRegressor
from sk_mmoe.inspection import html_report

FAST = {"numeric_encoding": None, "max_iter": 2, "random_state": 0}
HOSTILE = '<b onclick="x()">&level'
VOID = {"meta", "link", "img", "br", "hr", "input"}


class Page(HTMLParser):
    """The tags of a page in their order, and its text; open and closed tags must match."""

    def __init__(self, html):
        super().__init__()
        self.open, self.tags, self.text, self.cells = [], [], "", []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if self.open and self.open[-1] in ("td", "th"):
            self.cells.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """Return a model, its test table with gaps and a hostile name, and the report."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    level = np.select([X[:, 0] < -0.5, X[:, 0] < 0.5], ["low", "middle"], "high")
    y = pd.DataFrame({"click": 1.0 * (X[:, 1] > 0), HOSTILE: level, "watch_time": X[:, 2] + 0.1})
    model = MMoEMixedPredictor(n_experts=2, **FAST).fit(X, y)
    y = y.mask(rng.random(y.shape) < 0.2)
    path = tmp_path_factory.mktemp("report") / "report.html"
    html = html_report(model, X, y, path, title="a < b", n_resamples=50)
    assert plt.get_fignums() == []
    return model, X, y, html, path


def test_a_report_is_one_page_with_all_sections_and_nothing_from_outside(reported):
    *_, html, path = reported
    assert path.read_text(encoding="utf-8") == html
    page = Page(html)
    titles = ["Scores", "ROC curves", "Precision and recall", "Calibration", "Confusion"]
    titles += ["Residuals", "Experts", "Related tasks", "Losses in training", "Parameters"]
    links = [attrs["href"] for attrs in page.all("a")]
    sections = [attrs["id"] for attrs in page.all("section")]
    assert sections == [title.lower().replace(" ", "-") for title in titles]
    assert links == [f"#{section}" for section in sections]
    images = page.all("img")
    assert len(images) == 8
    assert all(attrs["src"].startswith("data:image/png;base64,") for attrs in images)
    assert all(attrs["alt"] for attrs in images)
    assert not page.all("script") + page.all("link") + page.all("iframe")
    assert "http" not in html
    assert "url(" not in html


def test_names_are_escaped(reported):
    page = Page(reported[3])
    assert page.all("b") == []
    assert HOSTILE in page.cells
    assert page.text.count("a < b") == 2  # the title of the window and the heading
    assert any(HOSTILE in attrs["alt"] for attrs in page.all("img"))


def test_scores_are_those_of_known_labels_with_intervals(reported):
    model, X, y, html, _ = reported
    known = y["click"].notna().to_numpy()
    proba = model.predict_proba(X)[0][known, 1]
    cells = Page(html).cells
    row = cells.index("click")
    kind, labels, score, value, low, high = cells[row + 1 : row + 7]
    assert (kind, labels, score) == ("binary", str(known.sum()), "roc_auc")
    assert value == f"{roc_auc_score(y['click'][known], proba):.4f}"
    assert float(low) < float(value) < float(high)


def test_a_report_has_what_the_architecture_has(X, y):
    model = make_pipeline(StandardScaler(), CrossStitchClassifier(**FAST)).fit(X, y)
    sections = [
        attrs["id"] for attrs in Page(html_report(model, X, y, n_resamples=2)).all("section")
    ]
    assert "stitches" in sections
    assert not {"experts", "residuals"} & set(sections)

    single = SharedBottomRegressor(**FAST).fit(X, X["x0"] + 0.1)
    page = Page(html_report(single, X, X["x0"] + 0.1, n_resamples=2))
    sections = [attrs["id"] for attrs in page.all("section")]
    assert sections == ["scores", "residuals", "losses-in-training", "parameters"]


def test_what_cannot_be_reported_is_an_error(reported):
    model, X, y, *_ = reported
    other = LogisticRegression().fit([[0], [1]], [0, 1])
    with pytest.raises(ValueError, match="LogisticRegression is no estimator of sk_mmoe"):
        html_report(other, [[0], [1]], [0, 1])
    with pytest.raises(ValueError, match="auc"):
        html_report(model, X, y, scoring="auc")
    with pytest.raises(ValueError, match="n_resamples"):
        html_report(model, X, y, n_resamples=0)


@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs Chromium")
def test_a_browser_shows_the_report(reported, tmp_path):
    path = reported[4]
    command = ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom"]
    command += ["--enable-logging=stderr", f"--user-data-dir={tmp_path}/profile"]
    found = subprocess.run(
        [*command, path.as_uri()], capture_output=True, text=True, timeout=300, check=True
    )
    assert Page(found.stdout).text.count("a < b") == 2
    assert "CONSOLE" not in found.stderr
