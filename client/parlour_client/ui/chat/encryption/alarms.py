"""`/alarms`: security alarms: changed keys, a server that shows different keys to different people.

Enter dismisses an alarm; a permanent one stays for ever, because its cause can't be undone.
"""

from collections.abc import Sequence

from parlour_client.core.e2ee.values import Alarm
from parlour_client.kit.language import _
from parlour_client.kit.widgets.questions import ChooseScreen
from parlour_client.kit.widgets.safe import join, lines, own, peer_line
from parlour_client.ui.chat.timeline.sentences import clock, day


def alarm_screen(alarms: Sequence[Alarm]) -> ChooseScreen:
    """Return the list."""
    head = lines(
        own(_("Alarms"), "bold"), own(_("Enter asks whether to dismiss one that you have read."), "dim")
    )
    rows = [
        (
            str(alarm.id),
            lines(
                join(
                    own(f"{day(alarm.at)} {clock(alarm.at)}", "dim"),
                    own(f"  {_('permanent')}" if alarm.permanent else "", "bold"),
                ),
                peer_line(alarm.text, limit=400),
            ),
        )
        for alarm in alarms
    ]
    return ChooseScreen(head, rows, _("No alarms on this device."))
