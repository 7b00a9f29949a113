#!/usr/bin/env python3
"""One command for everything: python3 run.py JOB, run | view | test | proofs | fuzz | robustness | regression | lint |
benchmark.

Makes .venv once, installs the tested versions (constraints.txt), then runs the job; further words go to the job.
ECO_TORCH=cpu|gpu picks the torch build (default: gpu if an NVIDIA driver is found, else cpu); ECO_VENV another folder.
"""
import hashlib
import os
import pathlib
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent
VENV = pathlib.Path(os.environ.get("ECO_VENV", ROOT / ".venv"))
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
PY = BIN / ("python.exe" if os.name == "nt" else "python")
TORCH = "2.13.0"
JOBS = {
    "run": ("", [["-m", "ecosystem", "run", "mixed", "--seeds", "4", "--jobs", "2"]]),
    "view": ("viz", [["-m", "ecosystem", "view"]]),
    "test": ("test", [["-m", "pytest", "-q", "-n", "2", "--dist", "loadfile"]]),  # half the time on two cores
    "proofs": ("test", [["-m", "pytest", "-q", "-m", "slow"]]),
    "fuzz": ("test", [["-m", "tests.fuzzing"]]),
    "robustness": ("test", [["-m", "tests.robustness"]]),
    "regression": ("test", [["-m", "tests.regressed"]]),
    "lint": ("dev", [["-m", "ruff", "check", "."], ["-m", "mypy"]]),
    "benchmark": ("test", [["-m", "benchmarks"]]),
}


def sh(*words, quiet=False):
    sink = subprocess.DEVNULL if quiet else None
    return subprocess.run([str(w) for w in words], cwd=ROOT, stdout=sink, stderr=sink).returncode == 0


def python():
    """A Python of 3.11 or newer: this one, or one found on the path."""
    if sys.version_info >= (3, 11):  # noqa: UP036 (whatever python3 is may start this file)
        return sys.executable
    for version in ("3.11", "3.12", "3.13"):
        found = shutil.which("python" + version)
        if found:
            return found
    sys.exit("Python 3.11 or newer is needed; this is " + sys.version.split()[0])


def torch(pip):
    """The CPU build unless a GPU is there: on Linux the default build brings gigabytes of CUDA."""
    want = os.environ.get("ECO_TORCH") or ("gpu" if shutil.which("nvidia-smi") else "cpu")
    plain = (*pip, "torch==" + TORCH)
    if want == "gpu" or sys.platform != "linux":
        return sh(*plain)
    if sh(*pip, "torch==" + TORCH + "+cpu", quiet=True):
        return True
    print("asking uv for the CPU build of torch ...", flush=True)
    uv = (BIN / "uv", "pip", "install", "-q", "--python", PY, "--torch-backend=cpu", "torch==" + TORCH)
    if sh(*pip, "uv", quiet=True) and sh(*uv):
        return True
    print("no CPU build within reach; taking the default one (several GB)", flush=True)
    return sh(*plain)


def setup(extra):
    stamp = VENV / (".ready-" + (extra or "core"))
    files = ("pyproject.toml", "constraints.txt", "run.py")
    key = hashlib.sha256(b"".join((ROOT / f).read_bytes() for f in files)).hexdigest()
    if stamp.exists() and stamp.read_text() == key:
        return
    if not PY.exists() and not sh(python(), "-m", "venv", VENV):
        sys.exit("could not make a virtual environment; on Debian or Ubuntu: apt install python3-venv")
    pip = (PY, "-m", "pip", "install", "-q", "--disable-pip-version-check", "-c", ROOT / "constraints.txt")
    print("setting up .venv (once; a minute or two and 1.7 GB) ...", flush=True)
    done = sh(PY, "-c", "import torch", quiet=True) or torch(pip)
    if not (done and sh(*pip, "-e", ".[" + extra + "]" if extra else ".")):
        sys.exit("installation failed; see above")
    stamp.write_text(key)


if __name__ == "__main__":
    job = sys.argv[1] if len(sys.argv) > 1 else "run"
    if job not in JOBS:
        sys.exit(__doc__)
    extra, commands = JOBS[job]
    setup(extra)
    codes = [subprocess.run([str(PY), *c, *sys.argv[2:]], cwd=ROOT).returncode for c in commands]
    sys.exit(max(codes))
