"""The dependency rule: a module imports only from layers below its own."""

import ast
from pathlib import Path

import spikelearn

LAYERS = [
    {"component_text"},
    {
        "allocator",
        "checks",
        "data_root",
        "docstrings",
        "extras",
        "fast_path",
        "files",
        "kernels",
        "threads",
        "unpacking",
    },
    {"declared", "documents", "registry", "imports", "seeding", "events"},
    {"catalogue", "event_products", "learned_tensors", "traces", "tasks"},
    {"recordings"},
    {"neurons", "synapses", "datasets"},
    {"loading"},
    {"fused"},
    {"network"},
    {"plasticity", "export", "sparsity"},
    {"hardware"},
    {"measure", "draw"},
    {"training"},
    {"simulation"},
    {"runs"},
    {"bench", "doctor", "museum"},
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


def _imported_names(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _imported_parts(tree):
    yield from (name.split(".")[1] for name in _imported_names(tree) if name.startswith("spikelearn."))


def test_every_module_has_a_layer():
    assert {part for _, part in _modules()} <= set(RANK)


def test_imports_point_down():
    wrong = []
    for path, part in _modules():
        for other in _imported_parts(ast.parse(path.read_text())):
            if other != part and RANK[other] >= RANK[part]:
                wrong.append(f"{path.relative_to(ROOT)} imports spikelearn.{other}")
    assert not wrong, "\n".join(wrong)


#: Rooms of the bench: each imports from those before it, tuning and analysis not from each other.
ROOMS = [{"plan"}, {"run"}, {"tune", "analyse"}]


def test_rooms_of_the_bench_import_downward():
    rank = {room: at for at, rooms in enumerate(ROOMS) for room in rooms}
    bench = ROOT / "bench"
    assert {path.name for path in bench.iterdir() if path.name not in ("__init__.py", "__pycache__")} == set(rank)
    wrong = []
    for path in bench.glob("*/**/*.py"):
        room = path.relative_to(bench).parts[0]
        for name in _imported_names(ast.parse(path.read_text())):
            parts = name.split(".")
            if parts[:2] != ["spikelearn", "bench"]:
                continue
            other = parts[2] if len(parts) > 2 else "all rooms"
            if other != room and rank.get(other, len(ROOMS)) >= rank[room]:
                wrong.append(f"{path.relative_to(ROOT)} imports spikelearn.bench.{other}")
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
    assert set(writers) == {"training/learning.py"}


def _module_of(path):
    parts = path.relative_to(ROOT.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def test_no_module_imports_itself_in_the_end():
    """Imports in functions and under TYPE_CHECKING are counted: a circle that is hidden is one all the same."""
    modules = {_module_of(path): ast.parse(path.read_text()) for path in ROOT.rglob("*.py")}
    imported = {name: set(_imported_modules(tree, modules)) - {name} for name, tree in modules.items()}
    _peel(imported)
    users = {name: {user for user, others in imported.items() if name in others} for name in imported}
    _peel(users)
    assert not users, f"these import each other: {sorted(users)}"


def _peel(graph):
    """Take away, again and again, what leads to nothing else of the graph: circles and ways between them stay."""
    while ends := [name for name, others in graph.items() if not others & graph.keys()]:
        for name in ends:
            del graph[name]


def _imported_modules(tree, modules):
    """What a file imports when it is imported: what it does as a script is left out."""
    imported = [part for part in tree.body if not _is_script(part)]
    for node in (node for part in imported for node in ast.walk(part)):
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                inside = f"{node.module}.{alias.name}"
                yield inside if inside in modules else node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


def _is_script(node):
    return isinstance(node, ast.If) and "__main__" in ast.unparse(node.test)


def test_functions_have_no_more_than_sixty_lines_of_code():
    """Docstrings are not counted: a public function explains every argument."""
    wrong = []
    for path in ROOT.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef):
                lines = node.end_lineno - node.lineno + 1
                first = node.body[0]
                if ast.get_docstring(node) is not None:
                    lines -= first.end_lineno - first.lineno + 1
                if lines > 60:
                    wrong.append(f"{path.relative_to(ROOT)}: {node.name} has {lines}")
    assert not wrong, wrong
