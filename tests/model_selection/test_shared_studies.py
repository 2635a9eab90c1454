"""Studies in files and databases: resumed after a kill, shared by processes, kept apart."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import optuna
import pytest
from optuna.trial import TrialState
from scipy.stats import loguniform, randint
from sklearn.model_selection import KFold, ShuffleSplit

from sk_mmoe.model_selection import GPSearchCV, _sampler, _worker

SPACE = {"rate": loguniform(1e-5, 1), "width": randint(1, 20), "kind": ["flat", "round"]}
SCRIPT = """
import sys
from peaks import Peak
from scipy.stats import loguniform, randint
from sklearn.datasets import make_classification
from sk_mmoe.model_selection import GPSearchCV

X, y = make_classification(60, n_features=4, random_state=0)
space = {"rate": loguniform(1e-5, 1), "width": randint(1, 20), "kind": ["flat", "round"]}
print("ready", flush=True)
search = GPSearchCV(
    Peak(), space, n_iter=10, n_initial=5, cv=2, random_state=0, storage=sys.argv[1]
).fit(X, y)
print(Peak.n_fits, search.best_score_)
"""


def make_search(peaks, **settings):
    settings = {"n_iter": 10, "n_initial": 5, "cv": 2, "random_state": 0, **settings}
    return GPSearchCV(peaks.Peak(), SPACE, **settings)


def start_process(storage, **environment):
    """Start the same search in another process."""
    folder = Path(__file__).parent
    paths = [str(folder), str(folder.parents[1]), os.environ.get("PYTHONPATH", "")]
    return subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(storage)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), **environment},
        stdout=subprocess.PIPE,
        text=True,
    )


def stored_study(storage):
    backend = optuna.storages.journal.JournalFileBackend(str(storage))
    storage = optuna.storages.JournalStorage(backend)
    return optuna.load_study(study_name="GPSearchCV", storage=storage)


@pytest.fixture
def journal(tmp_path):
    return tmp_path / "study.log"


def assert_same_results(one, other):
    """Check that two searches have the same results but for times."""
    assert one.keys() == other.keys()
    for key in one:
        if "time" not in key:
            np.testing.assert_array_equal(one[key], other[key])


def test_a_killed_search_goes_on_as_if_it_had_not_been(peaks, binary, journal, tmp_path):
    reached = tmp_path / "reached"
    # In the second fold of the fourth candidate: random ones before, proposed ones after.
    process = start_process(journal, PEAK_STOPS_AT="8", PEAK_FILE=str(reached))
    while not reached.exists():
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert [t.state for t in stored_study(journal).trials] == [TrialState.COMPLETE] * 3 + [
        TrialState.RUNNING
    ]

    resumed = make_search(peaks, storage=journal, refit=False).fit(*binary)
    assert peaks.Peak.n_fits == 2 * 7
    uninterrupted = make_search(peaks, refit=False).fit(*binary)
    assert_same_results(resumed.cv_results_, uninterrupted.cv_results_)
    assert resumed.best_params_ == uninterrupted.best_params_


def test_processes_that_share_a_study_do_n_iter_candidates_together(peaks, binary, journal):
    os.environ["PEAK_SECONDS"] = "0.2"
    try:
        process = start_process(journal)
        assert process.stdout.readline() == "ready\n"
        search = make_search(peaks, storage=journal, refit=False).fit(*binary)
        n_fits, best_score = process.communicate()[0].split()
    finally:
        del os.environ["PEAK_SECONDS"]
    assert process.returncode == 0
    # The other one has fitted its best candidate to all rows, too.
    assert peaks.Peak.n_fits + int(n_fits) - 1 == 2 * 10
    assert peaks.Peak.n_fits > 0
    assert int(n_fits) > 1
    # Whoever ends first waits for the other, so both know all candidates.
    assert len(search.cv_results_["params"]) == 10
    assert search.best_score_ == float(best_score)
    assert len({tuple(p.values()) for p in search.cv_results_["params"]}) == 10


@pytest.mark.parametrize("storage", ["path", "string", "database", "object"])
def test_a_search_of_any_storage_is_extended_by_raising_n_iter(peaks, binary, tmp_path, storage):
    storage = {
        "path": tmp_path / "study.log",
        "string": str(tmp_path / "study.log"),
        "database": f"sqlite:///{tmp_path / 'study.db'}",
        "object": optuna.storages.InMemoryStorage(),
    }[storage]
    make_search(peaks, storage=storage, n_initial=3, n_iter=4).fit(*binary)
    peaks.Peak.n_fits = 0
    settings = {"n_initial": 3, "n_iter": 6, "refit": False}
    longer = make_search(peaks, storage=storage, **settings).fit(*binary)
    assert peaks.Peak.n_fits == 2 * 2
    at_once = make_search(peaks, **settings).fit(*binary)
    assert_same_results(longer.cv_results_, at_once.cv_results_)


def test_a_complete_study_is_read_without_a_fit_but_the_last(peaks, binary, journal):
    settings = {"scoring": {"a": "accuracy", "b": "f1"}, "refit": "a", "return_train_score": True}
    first = make_search(peaks, storage=journal, **settings).fit(*binary)
    peaks.Peak.n_fits = 0
    again = make_search(peaks, storage=journal, **settings).fit(*binary)
    assert peaks.Peak.n_fits == 1
    for key in first.cv_results_:  # times, too
        np.testing.assert_array_equal(first.cv_results_[key], again.cv_results_[key])
    attributes = {k for k in vars(first) if k.endswith("_")}
    assert attributes == {k for k in vars(again) if k.endswith("_")}
    for name in ("best_index_", "best_score_", "best_params_", "multimetric_", "n_splits_"):
        assert getattr(first, name) == getattr(again, name)


def test_failed_candidates_are_remembered_with_their_errors(peaks, binary, journal):
    search = make_search(peaks, storage=journal, refit=False)
    search.estimator.fails_above = 0.01
    with pytest.warns(match=r"fits failed|non-finite") as first:
        one = search.fit(*binary).cv_results_
    peaks.Peak.n_fits = 0
    with pytest.warns(match=r"fits failed|non-finite") as again:
        two = search.fit(*binary).cv_results_
    assert peaks.Peak.n_fits == 0
    assert_same_results(one, two)
    assert "the rate is too high" in str(first[0].message)
    assert [str(w.message) for w in first] == [str(w.message) for w in again]


def test_an_error_that_ends_the_search_costs_no_candidate(peaks, binary, journal):
    search = make_search(peaks, storage=journal, error_score="raise")
    search.estimator.fails_above = 0.01
    with pytest.raises(ValueError, match="the rate is too high"):
        search.fit(*binary)
    study = stored_study(journal)
    assert study.trials[-1].state == TrialState.FAIL
    n_evaluated = sum(t.state == TrialState.COMPLETE for t in study.trials)
    with pytest.raises(ValueError, match="the rate is too high"):
        search.fit(*binary)
    # The same candidate, with the same error.
    assert stored_study(journal).trials[-1].params == study.trials[-1].params
    assert len(stored_study(journal).trials) == n_evaluated + 2


def test_half_a_record_at_the_end_of_a_journal_is_dropped(peaks, binary, journal):
    one = make_search(peaks, storage=journal, n_iter=4, refit=False).fit(*binary).cv_results_
    with journal.open("ab") as file:
        file.write(b'{"op_code": 8, "worker')
    two = make_search(peaks, storage=journal, n_iter=5, refit=False).fit(*binary).cv_results_
    assert_same_results(
        {k: v[:4] for k, v in two.items() if "rank" not in k},
        {k: v for k, v in one.items() if "rank" not in k},
    )
    assert all(json.loads(line) for line in journal.read_text().splitlines())


# -- other processes that are gone, or are not ---------------------------------------------


def leave_a_candidate_running(storage, worker):
    """Claim a candidate as another process would, and never finish it."""
    study = optuna.create_study(
        storage=storage, study_name="GPSearchCV", direction="maximize", load_if_exists=True
    )
    trial = study.ask()
    if worker is not None:
        trial.set_user_attr("sk_mmoe:worker", json.dumps(worker))
    return study, trial


FAR_AWAY = {"id": "a", "place": "another machine", "pid": 1, "started": "0"}


@pytest.mark.parametrize("worker", [FAR_AWAY, None], ids=["claimed", "just created"])
def test_a_worker_elsewhere_is_gone_when_its_count_stands_still(peaks, binary, worker, monkeypatch):
    monkeypatch.setattr(_worker, "GONE_AFTER_SECONDS", 1.0)
    monkeypatch.setattr(_sampler, "_PATIENCE_SECONDS", 0.2)
    storage = optuna.storages.InMemoryStorage()
    study, trial = leave_a_candidate_running(storage, worker)
    search = make_search(peaks, storage=storage, n_iter=3).fit(*binary)
    assert study.trials[trial.number].state == TrialState.FAIL
    assert len(search.cv_results_["params"]) == 3


def test_a_worker_elsewhere_that_counts_is_waited_for(peaks, binary, monkeypatch):
    monkeypatch.setattr(_worker, "GONE_AFTER_SECONDS", 1.0)
    storage = optuna.storages.InMemoryStorage()
    study, trial = leave_a_candidate_running(storage, FAR_AWAY)

    def work():
        for count in range(15):
            study.set_user_attr("sk_mmoe:beat a", count)
            time.sleep(0.2)
        study.tell(trial, -5.0)

    thread = threading.Thread(target=work)
    thread.start()
    make_search(peaks, storage=storage, n_iter=3).fit(*binary)
    thread.join()
    assert study.trials[trial.number].value == -5.0
    assert peaks.Peak.n_fits == 2 * 2 + 1


@pytest.mark.skipif(not Path("/proc/self/ns/pid").exists(), reason="only Linux has /proc")
def test_a_process_that_was_killed_on_this_machine_is_gone_at_once():
    study = optuna.create_study()
    process = subprocess.Popen(["sleep", "60"])
    facts = {"id": "b", "place": _worker._place(), "pid": process.pid}
    name = json.dumps({**facts, "started": _worker._started(process.pid)})
    worker = _worker.Worker(study)
    assert not worker.is_gone(name, 0)
    process.kill()
    time.sleep(0.2)
    assert worker.is_gone(name, 0)  # even before its parent has taken note
    process.wait()
    assert worker.is_gone(name, 0)
    # Another process that has got the number of an old one is not the old one.
    reused = json.dumps({**facts, "pid": os.getpid(), "started": "1"})
    assert worker.is_gone(reused, 0)


def test_a_worker_counts_as_long_as_it_works(monkeypatch):
    monkeypatch.setattr(_worker, "BEAT_SECONDS", 0.05)
    study = optuna.create_study()
    worker = _worker.Worker(study)
    with worker.beating():
        time.sleep(0.5)
    [count] = study.user_attrs.values()
    assert count >= 3
    time.sleep(0.2)
    assert list(study.user_attrs.values()) == [count]


# -- studies that do not belong to the search ----------------------------------------------


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda s, X, y: (s, X, 1 - y), "differ in y: "),
        (lambda s, X, y: (s, X + 1e-9, y), "differ in X: "),
        (lambda s, X, y: (s.set_params(cv=3), X, y), "differ in folds: "),
        (lambda s, X, y: (s.set_params(scoring="f1"), X, y), "differ in scoring: "),
        (
            lambda s, X, y: (s.set_params(estimator__fails_above=9), X, y),
            "fails_above: inf then, 9",
        ),
        (lambda s, X, y: (s.set_params(return_train_score=True), X, y), "return_train_score: "),
        (
            lambda s, X, y: (s.set_params(param_distributions={**SPACE, "width": [5]}), X, y),
            "distribution of width: ",
        ),
    ],
    ids=["labels", "inputs", "folds", "scores", "parameters", "train scores", "space"],
)
def test_a_study_of_other_data_or_settings_is_refused_by_name(
    peaks, binary, journal, change, named
):
    make_search(peaks, storage=journal, n_iter=1).fit(*binary)
    peaks.Peak.n_fits = 0
    search, X, y = change(make_search(peaks, storage=journal), *binary)
    with pytest.raises(ValueError, match="made with other data or settings") as raised:
        search.fit(X, y)
    assert named in str(raised.value)
    assert str(raised.value).count(" then, ") == 1
    assert peaks.Peak.n_fits == 0
    search.set_params(study_name="another", n_iter=1).fit(X, y)


def test_fit_parameters_belong_to_a_study(peaks, binary, journal):
    weights = np.ones(60)
    search = make_search(peaks, storage=journal, n_iter=1, scoring="accuracy")
    search.fit(*binary, sample_weight=weights)
    with pytest.raises(ValueError, match="differ in fit parameter sample_weight: "):
        search.fit(*binary, sample_weight=2 * weights)


def test_random_folds_do_not_fit_to_a_study_and_seeded_ones_do(peaks, binary, journal):
    seeded = make_search(peaks, storage=journal, n_iter=1, cv=ShuffleSplit(2, random_state=0))
    seeded.fit(*binary)
    seeded.fit(*binary)
    with pytest.raises(ValueError, match=r"differ in folds: .* integer random_state"):
        seeded.set_params(cv=ShuffleSplit(2)).fit(*binary)


def test_what_changes_no_score_changes_no_study(peaks, binary, journal):
    search = make_search(peaks, storage=journal, n_iter=1).fit(*binary)
    other = {"n_jobs": 1, "verbose": 0, "pre_dispatch": 1, "n_concurrent": 2, "random_state": 5}
    search.set_params(**other, n_initial=3, cv=KFold(2), n_iter=1)
    X, y = binary
    with pytest.raises(ValueError, match="differ in folds"):  # of unstratified ones
        search.fit(X, y)
    search.set_params(cv=2).fit(np.asfortranarray(X), y.copy())
