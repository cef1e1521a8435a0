"""What a form of ours says, as the options of a job."""

from collections.abc import Mapping
from uuid import UUID

import msgspec
from litestar.params import URLEncodedBody

from webapp.core.errors import Invalid
from webapp.core.options import PROMPT_LENGTH, WantedOptions

Form = URLEncodedBody[dict[str, str]]
OptionalForm = URLEncodedBody[dict[str, str] | None]
_BOXES = ("vad_filter", "word_timestamps", "mixed_languages")
# Each by its name on the page. A form's other fields are free text, which the settings decide about.
_ALLOWED = {
    "task": "Result: “transcribe” for the language spoken, or “translate” for English.",
    "mode": "Mode: “accurate”, “balanced” or “fast”.",
    "beam_size": "Beam size: a whole number from 1 to 10, or nothing to leave it to the mode.",
    "initial_prompt": f"What it is about: {PROMPT_LENGTH:,} characters at most.",
    "hotwords": f"Words to listen for: {PROMPT_LENGTH:,} characters at most.",
}
_NOT_UNDERSTOOD = "One of the options is not understood. Load the page again and choose it anew."


def wanted_options(form: Mapping[str, str]) -> WantedOptions:
    """An empty field leaves the choice to us; a box that is not ticked is not sent at all."""
    given: dict[str, object] = {
        name: form[name] for name in WantedOptions.__struct_fields__ if form.get(name, "").strip()
    }
    given |= {name: name in form for name in _BOXES}
    try:
        return msgspec.convert(given, WantedOptions, strict=False)
    except msgspec.ValidationError as problem:
        field = str(problem).rpartition("$.")[2].strip("`")
        raise Invalid(_ALLOWED.get(field, _NOT_UNDERSTOOD), field=field) from None


def upload_id(form: Mapping[str, str]) -> UUID:
    try:
        return UUID(form.get("upload", ""))
    except ValueError:
        raise Invalid("Say which upload the job is for.", field="upload") from None
