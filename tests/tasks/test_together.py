"""Chunks of several jobs are heard at once, and none of them notices the others."""

from collections.abc import Callable
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from tasks.lockstep import Lockstep
from tasks.protocol import Failed, Hear, Heard, LanguageHeard, Reply
from tasks.samples import Samples
from tests.support.children import Ears, segments, text
from tests.support.recordings import decoded
from tests.support.speech import Speech
from webapp.core.options import JobOptions

change = msgspec.structs.replace
Asking = Callable[..., Hear]
READINGS = ("lj_LJ001-0001.flac", "lj_LJ001-0003.flac", "lj_LJ001-0004.flac")


@pytest.fixture
def asking(options: JobOptions, speech: Speech, store: Callable[[Samples], Path]) -> Asking:
    """With English settled, unless the test wants it otherwise."""

    def made(*names: str, language: str | None = "en", start: float = 0.0, **changes: Any) -> Hear:
        sound = np.concatenate([decoded(speech[name]) for name in names])
        return Hear(path=store(sound), options=change(options, **changes), start=start, language=language)

    return made


def alike(told: list[Reply], expected: list[Reply]) -> bool:
    """Rounding differs with the size of the batch; a word may come out otherwise."""
    one, other = text(told).split(), text(expected).split()
    return told[-1] == expected[-1] == Heard(done=True) and SequenceMatcher(None, one, other).ratio() > 0.9


def test_two_that_are_heard_together_give_what_each_gives_alone(ears: Ears, asking: Asking) -> None:
    requests = [asking("jfk.flac"), asking(*READINGS, start=100.0)]
    alone = [ears.hear_one(each) for each in requests]
    together = ears.hear(*requests)
    assert all(map(alike, together, alone))
    assert segments(together[1])[0].start >= 100 > segments(together[0])[-1].end


def test_one_may_join_while_another_is_on_its_way(ears: Ears, asking: Asking) -> None:
    long, short = asking(*READINGS * 3, vad_filter=False), asking("jfk.flac")
    alone = ears.hear_one(long), ears.hear_one(short)
    ears.told.clear()
    ears.hearings.begin(1, long)
    ears.hearings.step()
    assert ears.told[1]
    ears.hearings.begin(2, short)
    ears.hearings.step()
    assert ears.told[2][-1] == Heard(done=True)
    assert ears.told[1][-1] != Heard(done=True)
    ears.finish()
    assert alike(ears.told[1], alone[0])
    assert alike(ears.told[2], alone[1])


def test_whoever_is_dropped_tells_nothing_more_and_disturbs_nobody(ears: Ears, asking: Asking) -> None:
    kept, dropped = asking(*READINGS, vad_filter=False), asking(*READINGS * 3, vad_filter=False)
    alone = ears.hear_one(kept)
    ears.told.clear()
    ears.hearings.begin(1, kept)
    ears.hearings.begin(2, dropped)
    ears.hearings.step()
    before = list(ears.told[2])
    ears.hearings.drop(2)
    ears.finish()
    assert ears.told[2] == before
    assert alike(ears.told[1], alone)


def test_when_the_only_one_is_dropped_there_is_nothing_left_to_do(ears: Ears, asking: Asking) -> None:
    ears.hearings.begin(1, asking(*READINGS))
    ears.hearings.drop(1)
    ears.hearings.drop(1)
    assert not ears.hearings.busy


def test_languages_do_not_mix_in_one_batch(ears: Ears, asking: Asking) -> None:
    names = {"jfk.flac": "en", "es_mls.flac": "es", "ja_cv.flac": "ja"}
    told = ears.hear(*(asking(name, model="base", language=None) for name in names))
    heard = [reply for each in told for reply in each if isinstance(reply, LanguageHeard)]
    assert [max(each.weights, key=lambda name: each.weights[name]) for each in heard] == list(names.values())
    english, spanish, japanese = map(text, told)
    assert "country" in english
    assert "sorpresa" in spanish
    assert not set(japanese) & set("abcdefghijklmnopqrstuvwxyz")
    assert "電球" in japanese


def test_each_keeps_its_own_options_in_one_batch(ears: Ears, asking: Asking) -> None:
    requests = [
        asking("jfk.flac"),
        asking("jfk.flac", word_timestamps=True),
        asking("jfk.flac", beam_size=1),
        asking("jfk.flac", initial_prompt="A speech of the president."),
        asking("jfk.flac", hotwords="fellow Americans", word_timestamps=True),
        asking("jfk.flac", mode="accurate", beam_size=None),
        asking("jfk.flac", mode="fast", beam_size=None),
        asking("jfk.flac", model="base"),
    ]
    told = ears.hear(*requests)
    for request, answer in zip(requests, told, strict=True):
        assert "country can do for you" in text(answer)
        assert answer[-1] == Heard(done=True)
        assert all(bool(each.words) == request.options.word_timestamps for each in segments(answer))


def test_one_is_translated_beside_another_that_is_not(ears: Ears, asking: Asking) -> None:
    spanish = {"language": "es", "model": "base", "word_timestamps": True}
    plain, translated = ears.hear(
        asking("es_mls.flac", **spanish), asking("es_mls.flac", task="translate", **spanish)
    )
    assert "sorpresa" in text(plain)
    assert "surprise" in text(translated)
    assert segments(translated)[0].words


def test_two_of_different_models_take_turns(ears: Ears, asking: Asking) -> None:
    told = ears.hear(asking("jfk.flac"), asking("jfk.flac", model="base"))
    assert all("country" in text(each) for each in told)


def test_a_failure_of_a_step_reaches_all_who_took_part_and_ends_there(
    ears: Ears, asking: Asking, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as broken:
        broken.setattr(Lockstep, "step", fails)
        told = ears.hear(asking("jfk.flac"), asking(*READINGS))
    assert [type(each[-1]) for each in told] == [Failed, Failed]
    assert not ears.hearings.busy
    assert "country" in text(ears.hear_one(asking("jfk.flac")))


def test_a_file_that_cannot_be_read_joins_nobody(ears: Ears, asking: Asking, tmp_path: Path) -> None:
    good = asking("jfk.flac")
    ears.hearings.begin(1, good)
    with pytest.raises(OSError, match="gone"):
        ears.hearings.begin(2, change(good, path=tmp_path / "gone"))
    ears.finish()
    assert "country" in text(ears.told[1])
    assert ears.told[2] == []
