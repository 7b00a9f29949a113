"""Where and from what a run is made beside its libraries: the processor, the threads, and the commit of the sources."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info

from ecosystem import machine

VECTORS = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512dq", "avx512bw", "avx512vl", "avx512_bf16", "asimd", "sve")
COUNTED_BY = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "VECLIB_MAXIMUM_THREADS",
)  # fmt: skip
KERNELS_BY = (
    "OPENBLAS_CORETYPE", "MKL_ENABLE_INSTRUCTIONS", "MKL_CBWR", "ATEN_CPU_CAPABILITY", "ONEDNN_MAX_CPU_ISA",
    "DNNL_MAX_CPU_ISA", "NPY_DISABLE_CPU_FEATURES", "NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES", "GLIBC_TUNABLES",
)  # fmt: skip
SOURCES = ("ecosystem", "agents", "scenarios", "pyproject.toml", "constraints.txt")
PATIENCE = 10.0  # seconds that git has


def told() -> dict[str, Any]:
    """Platform, processor, and where on it this process computes."""
    where = machine.here()
    return {
        "platform": platform.platform(),
        "processor": processor(),
        "vectors": list(vectors()),
        "processors": os.cpu_count(),
        "device": where.device,
        "device_name": device_name(where.device),
        "threads": where.threads,
        "thread_settings": {name: os.environ[name] for name in COUNTED_BY if name in os.environ},
        "blas": list(blas()),
        "kernel_settings": {name: os.environ[name] for name in KERNELS_BY if name in os.environ},
    }


@cache
def blas() -> tuple[str, ...]:
    """Libraries of linear algebra and the processor whose kernels they chose: 'openblas Haswell'. They may be told to
    take others than this processor's, and last bits go with them."""
    import scipy.linalg  # noqa: F401  # loads its own library, as numpy has

    found = [part for part in threadpool_info() if part["user_api"] == "blas"]
    return tuple(sorted({f"{part['internal_api']} {part.get('architecture', '')}".strip() for part in found}))


@cache
def processor() -> str:
    """The model of the processor as the system names it."""
    named = [line for line in _cpuinfo() if line.startswith(("model name", "Model", "cpu model"))]
    if named:
        return named[0].partition(":")[2].strip()
    if platform.system() == "Darwin":
        return _said("sysctl", "-n", "machdep.cpu.brand_string") or platform.machine()
    return platform.processor() or platform.machine()


@cache
def vectors() -> tuple[str, ...]:
    """Vector instructions of the processor: libraries choose their kernels by them, and last bits with them.

    Empty where the system does not say.
    """
    flags = next((line.partition(":")[2].split() for line in _cpuinfo() if line.startswith(("flags", "Features"))), [])
    return tuple(name for name in VECTORS if name in flags)


def device_name(device: str) -> str:
    """The model of the GPU; of the processor where models compute there."""
    if device != "cuda":
        return processor()
    import torch

    return torch.cuda.get_device_name()


@cache
def commit(root: Path) -> dict[str, Any] | None:
    """The commit of a checkout, and whether its sources differ from it; None without a checkout or git."""
    if not (root / ".git").exists() or shutil.which("git") is None:
        return None
    found = _said("git", "-C", str(root), "rev-parse", "HEAD")
    if not found:
        return None
    changed = _said("git", "-C", str(root), "status", "--porcelain", "--", *SOURCES)
    return {"commit": found, "changed": bool(changed)}


def _said(*words: str) -> str:
    """What a command prints, '' where it fails. Git is not to look at another repository that the environment names."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    try:
        done = subprocess.run(words, capture_output=True, text=True, env=environment, timeout=PATIENCE)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


@cache
def _cpuinfo() -> tuple[str, ...]:
    try:
        return tuple(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines())
    except OSError:
        return ()
