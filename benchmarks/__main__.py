"""Every benchmark, one after the other, each in a process of its own: `python -m benchmarks [NAME ...]`."""

import os
import pkgutil
import subprocess
import sys

import benchmarks

names = sys.argv[1:] or sorted(m.name for m in pkgutil.iter_modules(benchmarks.__path__) if not m.name.startswith("_"))
# this variable holds numpy's products down to an older processor: half of the speed of either side
environment = {name: value for name, value in os.environ.items() if name != "OPENBLAS_CORETYPE"}
codes = []
for name in names:
    print(f"\n== {name}", flush=True)
    codes.append(subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], env=environment).returncode)
sys.exit(max(codes))
