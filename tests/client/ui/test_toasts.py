"""Toasts: every sentence is there to its last word, in the smallest terminal and in each language."""

import pytest
from tests.client.ui.conftest import OpenApp, lobby, settled
from tests.client.ui.ui_fake import FakeClient
from textual.widgets._toast import Toast as ToastWidget

from parlour_client.kit.language import ENGLISH, _, language
from parlour_client.ui.toasts import Toast, toast


@pytest.mark.parametrize("code", ["en", "de", "he"])
async def test_no_toast_is_cut(client: FakeClient, open_app: OpenApp, code: str) -> None:
    """None is over what is being written either, however long it is, or over what the heading says."""
    async with open_app(client, size=(40, 15)) as pilot:
        screen = await lobby(pilot)
        await pilot.press("a", *["ctrl+j", "a"] * 3)
        await settled(pilot)
        assert screen.pane.composer.region.height == 3
        language.use([code])
        try:
            for what in Toast:
                toast(pilot.app, what)
                await settled(pilot)
                region = screen.query_one(ToastWidget).region
                shown = screen._compositor.render_strips()[region.y : region.bottom]
                words = " ".join(strip.crop(region.x + 1, region.right).text for strip in shown).split()
                assert words == _(what.value).split()
                assert screen.pane.header.region.bottom <= region.y
                assert region.bottom <= screen.pane.composer.region.y
                pilot.app.clear_notifications()
                await settled(pilot)
        finally:
            language.use([ENGLISH])
