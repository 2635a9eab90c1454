"""The program of torch computes what `predict` computes, for every architecture and encoding."""

import pytest
import torch

import sk_mmoe
from sk_mmoe.export import to_torch_export, torch_inputs
from sk_mmoe.export._program import Program

ESTIMATORS = [name for name in sk_mmoe.__all__ if name.endswith("MixedPredictor")]
ENCODINGS = [
    {"numeric_encoding": "piecewise_linear"},
    {"embedding_dim": None},
    {"embedding_dim": None, "numeric_encoding": "piecewise_linear", "n_members": 2},
    {"dtype": "float64", "gate": "top_k"},
    {"gate": "dselect_k", "n_levels": 2, "n_cross_layers": 0},
]


def predict(program, estimator, X):
    """Return the predictions of a program, with labels for the numbers of classes."""
    with torch.inference_mode():
        outputs = {name: t.numpy() for name, t in program(**torch_inputs(estimator, X)).items()}
    for name, classes in zip(estimator.task_names_, estimator.classes_, strict=True):
        if classes is not None:
            outputs[name] = classes[outputs[name]]
    return outputs


@pytest.mark.filterwarnings("ignore:not every value")
@pytest.mark.parametrize("n_members", [1, 2])
@pytest.mark.parametrize("name", ESTIMATORS)
def test_programs_of_all_architectures_agree(
    name, n_members, columns, new_columns, targets, tiny, tasks, assert_same_predictions
):
    estimator = getattr(sk_mmoe, name)(tasks=tasks, n_members=n_members, **tiny)
    estimator.fit(columns, targets)
    outputs = predict(Program(estimator.model_), estimator, new_columns)
    assert_same_predictions(outputs, estimator, new_columns)


@pytest.mark.filterwarnings("ignore:not every value")
@pytest.mark.parametrize("parameters", ENCODINGS, ids=str)
def test_programs_of_all_encodings_agree(
    parameters, columns, new_columns, targets, tiny, tasks, assert_same_predictions
):
    estimator = sk_mmoe.MMoEMixedPredictor(tasks=tasks, **tiny, **parameters)
    estimator.fit(columns, targets)
    outputs = predict(Program(estimator.model_), estimator, new_columns)
    assert_same_predictions(outputs, estimator, new_columns)


@pytest.mark.parametrize("n_members", [1, 2])
def test_an_exported_program_runs_after_it_was_saved(
    n_members, columns, targets, tmp_path, tiny, tasks, assert_same_predictions
):
    estimator = sk_mmoe.PLEMixedPredictor(n_members=n_members, tasks=tasks, **tiny)
    estimator.fit(columns, targets)
    torch.export.save(to_torch_export(estimator, columns[:1]), tmp_path / "program.pt2")
    program = torch.export.load(tmp_path / "program.pt2").module()
    for rows in (columns, columns[:1]):
        assert_same_predictions(predict(program, estimator, rows), estimator, rows)


def test_transformers_of_a_pipeline_are_refused_by_name(columns, targets, tiny):
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X = columns[["age", "always 1"]]
    pipeline = make_pipeline(StandardScaler(), sk_mmoe.MMoEClassifier(**tiny))
    pipeline.fit(X, targets["click"])
    with pytest.raises(TypeError, match=r"\['standardscaler'\]"):
        to_torch_export(pipeline, X)
