"""Reasons not to trust what was heard: the code that stands on a segment, and the sentence for people."""

DOUBTS: dict[str, str] = {
    "repetitive": "the same words come over and over",
    "unsure": "the words were hard to make out",
    "no_speech": "perhaps nobody speaks here",
    "too_fast": "there are more words than can be spoken in the time",
    "too_few": "there is hardly any text for so much speech",
}
# Of a code from a release after this one.
_OTHER = "something about it is unlikely"


def doubt(code: str) -> str:
    return DOUBTS.get(code, _OTHER)
