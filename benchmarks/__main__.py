"""Every benchmark, one after the other, each in a process of its own: `python -m benchmarks [NAME ...]`."""

import pkgutil
import subprocess
import sys

import benchmarks

names = sys.argv[1:] or sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.name.startswith("_"))
codes = []
for name in names:
    print(f"\n== {name}", flush=True)
    codes.append(subprocess.run([sys.executable, "-m", f"benchmarks.{name}"]).returncode)
sys.exit(max(codes))
