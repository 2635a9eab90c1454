"""The script of the guide, started by torchrun in two processes."""

import subprocess
import sys
from pathlib import Path

import numpy as np

from sk_mmoe import load_model

SCRIPT = Path(__file__).parents[2] / "examples" / "distributed" / "train.py"


def test_torchrun_trains_one_model_in_two_processes(tmp_path):
    runs = {
        "one": [sys.executable, str(SCRIPT)],
        "two": [
            *(sys.executable, "-m", "torch.distributed.run", "--standalone"),
            *("--nproc-per-node=2", str(SCRIPT)),
        ],
    }
    models = {}
    for name, command in runs.items():
        path = tmp_path / f"{name}.safetensors"
        subprocess.run([*command, str(path)], check=True, timeout=300)
        models[name] = load_model(path)
    X = np.random.default_rng(0).normal(size=(50, 20))
    assert models["two"].n_iter_ == models["one"].n_iter_
    np.testing.assert_allclose(
        models["two"].predict(X), models["one"].predict(X), rtol=1e-3, atol=1e-3
    )
