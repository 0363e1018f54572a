"""Prints as JSON which PyTorch this is and which BLAS it multiplies matrices with: the libraries that are loaded (Linux), and what
it was built with. The reference BLAS is several times slower than others, which makes any comparison with it meaningless.
"""
import json
import re

import torch

# Debian's libraries are loaded through libblas.so.3, whose own path says whose it is.
torch.matmul(torch.zeros(8, 8), torch.zeros(8, 8))
loaded = set()
try:
    with open("/proc/self/maps") as maps:
        # Wheels of NumPy bring a BLAS of their own, which PyTorch does not use.
        paths = {line.split()[-1] for line in maps}
        loaded = {path for path in paths if re.search(r"(blas|mkl|blis|atlas)[^/]*\.so", path) and "numpy" not in path}
except OSError:
    pass
built = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
print(json.dumps({"version": torch.__version__, "built": built.group(1) if built else "", "loaded": sorted(loaded)}))
