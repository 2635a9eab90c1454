"""What the networks import."""

import ast
import subprocess
import sys
from pathlib import Path

import sk_mmoe.nn


def test_networks_import_torch_and_the_standard_library_only():
    allowed = {*sys.stdlib_module_names, "torch", "sk_mmoe.nn"}
    files = list(Path(sk_mmoe.nn.__file__).parent.rglob("*.py"))
    imported = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                imported.add(node.module)
    roots = {
        "sk_mmoe.nn" if name.startswith("sk_mmoe.nn") else name.split(".")[0] for name in imported
    }
    assert len(files) > 4
    assert "torch" in roots
    assert roots <= allowed


def test_a_training_step_imports_no_compiler():
    # It takes a second, in every process that fits.
    program = (
        "import sys, torch\n"
        "from sk_mmoe.nn import FusedAdamW, MMoE\n"
        "network = MMoE(3, [1, 1])\n"
        "optimizer = FusedAdamW(network.parameters())\n"
        "for _ in range(2):\n"
        "    optimizer.zero_grad()\n"
        "    sum(scores.sum() for scores in network(torch.ones(4, 3))).backward()\n"
        "    optimizer.step()\n"
        "sys.exit('torch._dynamo' in sys.modules)\n"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
