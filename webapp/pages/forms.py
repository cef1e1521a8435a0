"""What a form of ours says, as the options of a job."""

from collections.abc import Mapping
from uuid import UUID

import msgspec
from litestar.params import URLEncodedBody

from webapp.core.errors import Invalid
from webapp.core.options import WantedOptions

Form = URLEncodedBody[dict[str, str]]
_BOXES = ("vad_filter", "word_timestamps")


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
        raise Invalid(
            f"The option “{field.replace('_', ' ')}” cannot be used like this. Choose another value.",
            field=field,
        ) from None


def upload_id(form: Mapping[str, str]) -> UUID:
    try:
        return UUID(form.get("upload", ""))
    except ValueError:
        raise Invalid("Say which upload the job is for.", field="upload") from None
