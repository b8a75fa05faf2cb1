"""The kernels for GPUs are compiled, for what the interpreter runs need not compile; no GPU is needed."""

import importlib
import importlib.util

import pytest

pytestmark = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="Triton is not installed")

COUNTS = {"n", "steps", "row", "row_spikes", "row_v", "row_compared"}
OPTIONS = {"kind": 4, "through_reset": True, "subtract": False, "inclusive": True, "block": 512}
TSSL = {"warm_up": "element", "intra": True, "width": 0.2, "largest": 8.0}


def ptx(module, name, dtype, monkeypatch, tmp_path, absent=()):
    """Assembly for compute capability 9.0 with all pointers and rows aligned, as torch allocates them."""
    import triton
    import triton.language as tl
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource

    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    kernel = getattr(importlib.import_module(f"spikelearn.fused.gpu.{module}"), name)
    constants = OPTIONS | TSSL | {"real": tl.float64 if dtype == "fp64" else tl.float32} | dict.fromkeys(absent)
    signature, aligned = {}, {}
    for number, parameter in enumerate(kernel.params):
        key = parameter.name
        if parameter.is_constexpr or key in absent:
            signature[key] = "constexpr"
            continue
        pointer = "*i1" if key == "silent" else f"*{dtype}"
        signature[key] = parameter.annotation_type or ("i32" if key in COUNTS else pointer)
        if not parameter.annotation_type and key != "steps":
            aligned[number,] = [["tt.divisibility", 16]]
    used = {key: constants[key] for key, kind in signature.items() if kind == "constexpr"}
    options = {"enable_fp_fusion": name == "backward"}
    source = ASTSource(kernel, signature, used, aligned)
    return triton.compile(source, target=GPUTarget("cuda", 90, 32), options=options).asm["ptx"]


@pytest.mark.parametrize("module", ["membrane", "cuba", "adaptive", "tssl"])
@pytest.mark.parametrize("name", ["forward", "backward"])
@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
def test_reads_and_writes_are_wide(module, name, dtype, monkeypatch, tmp_path):
    """Four neurons at once, without a detour through shared memory; products and sums of forward stay apart."""
    text = ptx(module, name, dtype, monkeypatch, tmp_path)
    width = "v4.b32" if dtype == "fp32" else "v2.b32"
    assert f"ld.global.{width}" in text
    assert f"st.global.{width}" in text
    assert "bar.sync" not in text
    if name == "forward":
        assert "fma." not in text


@pytest.mark.parametrize(
    ("module", "name", "absent"),
    [
        ("membrane", "backward", ("grad_v", "grad_last")),
        ("adaptive", "forward", ("v",)),
        ("tssl", "backward", ("silent",)),
    ],
)
def test_double_precision_and_absent_tensors(module, name, absent, monkeypatch, tmp_path):
    assert ".f64" in ptx(module, name, "fp64", monkeypatch, tmp_path, absent)
