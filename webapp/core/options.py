"""What a caller may ask of a job, and the full set of answers it is run with."""

from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from webapp.core.errors import Invalid
from webapp.core.languages import LANGUAGES
from webapp.core.modes import Mode
from webapp.core.settings import Settings

Task = Literal["transcribe", "translate"]
TASKS: tuple[Task, ...] = ("transcribe", "translate")
# Whisper keeps 224 tokens of prompt; more text than this could only be cut off.
PROMPT_LENGTH = 1000


class WantedOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller said. `None` leaves the choice to the settings; for the language to detection, for the
    beam size to the mode."""

    model: str | None = None
    language: str | None = None
    task: Task = "transcribe"
    mode: Mode | None = None
    mixed_languages: bool | None = None
    initial_prompt: Annotated[str, Meta(max_length=PROMPT_LENGTH)] | None = None
    hotwords: Annotated[str, Meta(max_length=PROMPT_LENGTH)] | None = None
    vad_filter: bool | None = None
    word_timestamps: bool | None = None
    beam_size: Annotated[int, Meta(ge=1, le=10)] | None = None


class JobOptions(msgspec.Struct, frozen=True, kw_only=True):
    model: str
    language: str | None
    task: Task
    mode: Mode
    mixed_languages: bool
    initial_prompt: str | None
    hotwords: str | None
    vad_filter: bool
    word_timestamps: bool
    beam_size: int | None


def settle(wanted: WantedOptions, settings: Settings) -> JobOptions:
    model = wanted.model or settings.default_model
    language = None if wanted.language in (None, "", "auto") else wanted.language
    _check_model(model, settings)
    _check_language(language, wanted.task, model)
    return JobOptions(
        model=model,
        # A model that knows one language needs no detection.
        language="en" if english_only(model) else language,
        task=wanted.task,
        mode=wanted.mode or settings.default_mode,
        mixed_languages=_mixed(wanted, language, model),
        initial_prompt=_prompt(wanted.initial_prompt),
        hotwords=_prompt(wanted.hotwords),
        vad_filter=_or(wanted.vad_filter, settings.vad_filter),
        word_timestamps=_or(wanted.word_timestamps, settings.word_timestamps),
        beam_size=wanted.beam_size or settings.beam_size or None,
    )


def _mixed(wanted: WantedOptions, language: str | None, model: str) -> bool:
    """A language that was named, or that is the only one, leaves nothing to mix."""
    return bool(wanted.mixed_languages) and language is None and not english_only(model)


def english_only(model: str) -> bool:
    return model.endswith(".en")


def _or(wanted: bool | None, default: bool) -> bool:
    return default if wanted is None else wanted


def _prompt(text: str | None) -> str | None:
    """One line without control characters: PostgreSQL cannot store NUL, the engine has no use for others."""
    cleaned = " ".join("".join(c if c.isprintable() else " " for c in text or "").split())
    return cleaned or None


def _check_model(model: str, settings: Settings) -> None:
    if model in settings.models:
        return
    raise Invalid(
        f"This server offers the models {', '.join(settings.models)}. Choose one of them.",
        code="unknown_model",
        field="model",
    )


def _check_language(language: str | None, task: Task, model: str) -> None:
    if language is not None and language not in LANGUAGES:
        raise Invalid(
            "That language is not known. Use a code such as en, fr or de, or leave it out to detect it.",
            code="unknown_language",
            field="language",
        )
    if english_only(model) and (language not in (None, "en") or task == "translate"):
        raise Invalid(
            f"The model {model} knows English only. Choose another model, or English without translation.",
            code="english_only_model",
            field="model",
        )
