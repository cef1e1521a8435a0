"""What a child of the worker is told by its environment, and what is kept from it."""

import os
from pathlib import Path

from tasks.shape import tcmalloc

ROOT = Path(__file__).parents[1]
# The process reads strangers' files: the worker's passwords are kept out of its environment.
# So is the hub's token: models that ask for one are put into the folder of models beforehand.
INHERITED = (
    *("PATH", "HOME", "LANG", "TZ", "TMPDIR", "LD_LIBRARY_PATH", "LD_PRELOAD"),
    *("HF_HOME", "HF_ENDPOINT"),
)
INHERITED_FAMILIES = ("CUDA_", "NVIDIA_", "HF_HUB_", "CT2_", "LC_", "SSL_CERT_")
DEFAULTS = {
    "PYTHONPATH": str(ROOT),
    "PYTHONUNBUFFERED": "1",
    "MALLOC_ARENA_MAX": "2",  # or glibc keeps a pool of freed memory for every thread
    "OPENBLAS_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "HF_HUB_ETAG_TIMEOUT": "10",
    "HF_HUB_DOWNLOAD_TIMEOUT": "20",
}


def environment(kind: str) -> dict[str, str]:
    passed_on = {
        name: value
        for name, value in os.environ.items()
        if name in INHERITED or name.startswith(INHERITED_FAMILIES)
    }
    faster = tcmalloc() if kind == "engine" else None
    return DEFAULTS | ({"LD_PRELOAD": faster} if faster else {}) | passed_on
