"""Try an installed package: ``nox -s build`` runs it in a fresh environment without a checkout."""

import importlib
import sys
import tempfile
from importlib import metadata, resources
from pathlib import Path

CORE = {"narwhals", "numpy", "pandas", "scikit-learn", "skorch", "torch"}
PUBLIC = ("callbacks", "datasets", "inspection", "metrics", "model_selection", "nn")


def main():
    """Raise an error unless the package is whole and can fit, predict, save and load."""
    import numpy as np

    import sk_mmoe

    assert Path(sk_mmoe.__file__).is_relative_to(sys.prefix), sk_mmoe.__file__
    assert sk_mmoe.__version__ == metadata.version("sk_mmoe")
    assert resources.files("sk_mmoe").joinpath("py.typed").is_file()
    files = [str(path) for path in metadata.files("sk_mmoe")]
    assert any(path.endswith("LICENSE") for path in files)
    assert not any(path.startswith(("tests", "docs", "benchmarks")) for path in files)
    required = [line for line in metadata.requires("sk_mmoe") if "extra ==" not in line]
    assert {line.partition(">")[0] for line in required} == CORE, required
    for name in PUBLIC:
        module = importlib.import_module(f"sk_mmoe.{name}")
        assert all(hasattr(module, public) for public in module.__all__)

    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4))
    like = np.where(X[:, 1] > 0, "yes", "no").astype(object)
    like[:20] = None
    y = np.column_stack([(X[:, 0] > 0).astype(object), like])
    model = sk_mmoe.MMoEClassifier(max_iter=10, random_state=0).fit(X, y)
    assert model.score(X, y) > 0.7, model.score(X, y)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.safetensors"
        sk_mmoe.save_model(model, path)
        again = sk_mmoe.load_model(path)
    assert (again.predict(X) == model.predict(X)).all()
    print(f"sk_mmoe {sk_mmoe.__version__} works, installed in {sys.prefix}")


if __name__ == "__main__":
    main()
