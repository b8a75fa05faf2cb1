"""The dependency rule: a module imports only from layers below its own."""

import ast
from pathlib import Path

import spikelearn

LAYERS = [
    {"allocator", "checks", "files", "compiled", "vectors"},
    {"registry", "seeding", "event_kernels", "trace_kernels"},
    {"events"},
    {"traces"},
    {"neurons", "synapses", "datasets"},
    {"fused"},
    {"network"},
    {"plasticity", "export", "hardware"},
    {"measure"},
    {"training"},
    {"compare"},
    {"report"},
    {"cli"},
]
RANK = {part: rank for rank, layer in enumerate(LAYERS) for part in layer}
ROOT = Path(spikelearn.__file__).parent


def _modules():
    for path in ROOT.rglob("*.py"):
        part = path.relative_to(ROOT).parts[0].removesuffix(".py")
        if part not in ("__init__", "__main__"):
            yield path, part


def _imported_parts(tree):
    for node in ast.walk(tree):
        names = []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names = [node.module or ""]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        yield from (name.split(".")[1] for name in names if name.startswith("spikelearn."))


def test_every_module_has_a_layer():
    assert {part for _, part in _modules()} <= set(RANK)


def test_imports_point_down():
    wrong = []
    for path, part in _modules():
        for other in _imported_parts(ast.parse(path.read_text())):
            if other != part and RANK[other] >= RANK[part]:
                wrong.append(f"{path.relative_to(ROOT)} imports spikelearn.{other}")
    assert not wrong, "\n".join(wrong)


def test_fused_is_imported_only_by_network():
    users = {part for path, part in _modules() if "fused" in set(_imported_parts(ast.parse(path.read_text())))}
    assert users - {"fused"} == {"network"}


def test_only_learn_writes_grad():
    writers = [
        str(path.relative_to(ROOT))
        for path, _ in _modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Attribute) and t.attr == "grad" for t in node.targets)
    ]
    assert set(writers) == {"training/training.py"}
