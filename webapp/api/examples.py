"""One example of everything that goes over the wire, shown in the API's description."""

from typing import Any

_JOB = "0198c5f2-7a3e-7c41-9d52-3f8a6b1c2d4e"
_UPLOAD = "0198c5f1-e0b4-7f0a-8a66-0c9d1e2f3a4b"
_AT = "/api/v1/jobs/" + _JOB

UPLOAD_FORM: dict[str, Any] = {
    "id": _UPLOAD,
    "method": "POST",
    "url": "https://storage.example.org/audiotext",
    "fields": {"key": f"uploads/0198c5f0/{_UPLOAD}", "Content-Type": "audio/mpeg", "policy": "eyJle…"},
    "headers": {},
    "size": 4812345,
    "expires_at": "2026-03-02T09:45:00Z",
}
JOB: dict[str, Any] = {
    "id": _JOB,
    "filename": "interview.mp3",
    "status": "processing",
    "progress": 0.42,
    "position": 504.2,
    "duration": 1200.0,
    "place_in_queue": None,
    "model": "base",
    "task": "transcribe",
    "language": "en",
    "language_probability": 0.98,
    "initial_prompt": None,
    "hotwords": None,
    "vad_filter": True,
    "word_timestamps": True,
    "mode": "balanced",
    "mixed_languages": False,
    "beam_size": None,
    "attempt": 1,
    "damaged_packets": 0,
    "missing_seconds": 0.0,
    "error": None,
    "created_at": "2026-03-02T09:31:00Z",
    "started_at": "2026-03-02T09:31:01Z",
    "finished_at": None,
    "updated_at": "2026-03-02T09:32:40Z",
    "processing_seconds": 99.0,
    "links": {"self": _AT, "transcript": f"{_AT}/transcript", "events": f"{_AT}/events"},
}
TRANSCRIPT: dict[str, Any] = {
    "title": "interview.mp3",
    "language": "en",
    "language_probability": 0.98,
    "duration": 1200.0,
    "model": "base",
    "task": "transcribe",
    "partial": False,
    "gaps": [],
    "text": "Good morning.",
    "segments": [
        {
            "start": 0.0,
            "end": 1.2,
            "text": "Good morning.",
            "avg_logprob": -0.21,
            "compression_ratio": 1.1,
            "no_speech_prob": 0.01,
            "temperature": 0.0,
            "channel": None,
            "language": None,
            "doubts": [],
            "words": None,
        }
    ],
}
# By the name of the schema.
EXAMPLES: dict[str, Any] = {
    "NewUpload": {"filename": "interview.mp3", "content_type": "audio/mpeg", "size": 4812345},
    "UploadForm": UPLOAD_FORM,
    "NewJob": {"upload": _UPLOAD, "model": "base", "language": "en", "mode": "accurate"},
    "Retry": {"start_over": True},
    "Deletion": {
        "id": _JOB,
        "recording_bytes": 4812345,
        "segments": 214,
        "chunks": 9,
        "queue_entries": 1,
        "objects": 3,
        "versions": 3,
        "bytes": 6120344,
        "pending_removals": 0,
    },
    "JobView": JOB,
    "JobPage": {"items": [JOB], "next_cursor": "AZjF8np-fEGdUj-KaxwtTg"},
    "Options": {
        "models": ["base", "small"],
        "default_model": "base",
        "tasks": ["transcribe", "translate"],
        "modes": ["accurate", "balanced", "fast"],
        "default_mode": "balanced",
        "languages": {"en": "English", "fr": "French"},
        "formats": ["mp3", "wav", "m4a"],
        "exports": ["txt", "srt", "vtt", "json", "tsv"],
        "limits": {
            "upload_bytes": 2000000000,
            "duration_seconds": 43200.0,
            "prompt_characters": 1000,
            "jobs_per_page": 100,
        },
    },
    "Live": {"status": "ok"},
    "Ready": {
        "status": "ok",
        "parts": {"database": True, "redis": True, "storage": True, "worker": True},
        "worker_age": 3.2,
    },
}
# By status: code and detail.
PROBLEMS: dict[int, tuple[str, str]] = {
    400: ("malformed", "The body is not valid JSON."),
    401: ("not_signed_in", "Send an API token in the header `Authorization: Bearer <token>`."),
    404: ("not_found", "There is no such recording here. It may have been deleted."),
    409: ("conflict", "This job is completed already; there is nothing to cancel."),
    413: ("too_large", "The file is larger than the 2,000 MB that this server takes."),
    415: ("unsupported_type", "This does not look like a recording. Accepted are: mp3, wav, m4a."),
    422: ("unknown_model", "This server offers the models base, small. Choose one of them."),
    503: ("unavailable", "A part of this server does not answer. Try again in a minute."),
}
