"""The collector is as it was once the app is over."""

import gc

from webapp.collector import CALM, seldom_collecting


def test_it_is_calmed_for_a_while() -> None:
    before = gc.get_threshold(), gc.get_freeze_count()
    with seldom_collecting():
        assert gc.get_threshold() == CALM
        assert gc.get_freeze_count() > 1000
    assert (gc.get_threshold(), gc.get_freeze_count()) == before
