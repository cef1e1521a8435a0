"""The web process knows nothing of speech models, so it starts at once and stays small."""

import subprocess
import sys

HEAVY = {"faster_whisper", "ctranslate2", "av", "onnxruntime", "numpy", "huggingface_hub", "tasks"}


def test_the_web_process_imports_no_speech_model() -> None:
    program = "import sys, webapp.app; print(*{name.partition('.')[0] for name in sys.modules})"
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert not HEAVY & set(told.stdout.split())
