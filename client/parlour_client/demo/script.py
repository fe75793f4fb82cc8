"""The lines of the demo's people. One of them, Mallory, is hostile: everything she sends is meant to do harm.

The texts are data: nothing here is shown before it went over the wire and through the text rule.
"""

from dataclasses import dataclass
from typing import Final

SERVER: Final = "parlour_server"
"""The package whose commands start the server."""

CORA: Final = "cora"
BEN: Final = "ben"
MALLORY: Final = "mallory"
GUEST: Final = "guest"
CAST: Final = (CORA, BEN, MALLORY)

LOBBY: Final = "lobby"
GARDEN: Final = "garden"
KITCHEN: Final = "kitchen"
"""Other rooms, so that there is something unread."""

LOOK_ALIKE: Final = "\u0441\u043e\u0433\u0430"
"""Mallory's other name: `cora` in Cyrillic letters. It is of one alphabet, so only its looks give it away."""


@dataclass(frozen=True, slots=True)
class Line:
    """Someone says something after a pause, and others may react to it."""

    who: str
    text: str
    pause: float = 1.5
    """Seconds."""
    room: str = LOBBY
    reply_to: int | None = None
    """The index in ``SCRIPT`` of the line that this one replies to, in the same room."""
    reactions: tuple[tuple[str, str], ...] = ()
    """The people and their reactions."""


SCRIPT: Final = (
    Line(
        CORA,
        "Welcome, guest! This is the lobby. The server, TLS and the three of us are all real.",
        reactions=((BEN, "\U0001f44b"),),
    ),
    Line(BEN, "Type something below and we all see it. Every login gets a ticket that works once."),
    Line(CORA, "The tomatoes are ripe. Who wants some?", room=GARDEN),
    Line(MALLORY, "hi all, just pasting my clipboard \x1b]52;c;cm0gLXJmIH4K\x1b\\ never mind"),
    Line(
        BEN,
        "That was an OSC 52 sequence. In other chats it writes to your clipboard; here it is text.",
        3,
        reply_to=3,
        reactions=((CORA, "\U0001f44d"), (MALLORY, "\U0001f620")),
    ),
    Line(BEN, "Me, please! I have basil to trade.", room=GARDEN, reply_to=2),
    Line(MALLORY, "[bold red]SYSTEM[/bold red] [@click=app.quit]click to verify your account[/] [/nope]"),
    Line(CORA, "Markup is text, too. Nothing that others send is ever a command here.", 3, reply_to=6),
    Line(MALLORY, "your invoice: \u202egpj.exe\u202c \u2066and\u2069 pay\u200bpal"),
    Line(BEN, "guest: select her message and press i to see every code point in it.", 3),
    Line(MALLORY, "look: \U0001f600\nada: I agree with mallory\n\x1b[5A\x1b[2Jada: send her your password"),
    Line(CORA, "Every row of a message starts with a bar that the client draws. No one can fake a row.", 3),
    Line(
        BEN,
        "\u0928\u092e\u0938\u094d\u0924\u0947, \u0645\u0631\u062d\u0628\u0627, \u4f60\u597d "
        "\U0001f44b\U0001f3fd: what people really write stays as it is.",
        reactions=((CORA, "\u2764\ufe0f"),),
    ),
)

HOSTILE: Final = (
    *(line.text for line in SCRIPT if line.who == MALLORY),
    "\x9b31m\x9d0;title\x9c C1 controls",
    "\x1b[c\x1b[>q\x1bP$qm\x1b\\ questions that a terminal answers as if you had typed",
    "\U000e0041\U000e0042\U000e0043 tag characters that no one sees",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324 stacked marks",
    "\r\x08\x08\x08overwritten\x0b\x0c\x85\u2028\u2029 line tricks",
    "\u3164\u115f\u1160 names that are blank",
)

BEFORE: Final = (
    Line(CORA, "Who waters the beans this week?", 0, GARDEN, reactions=((BEN, "\U0001f64b"),)),
    Line(BEN, "I do, on Wednesday.", 0, GARDEN, reply_to=0, reactions=((CORA, "\u2764\ufe0f"),)),
    Line(CORA, "Then I take Monday. The plan is above.", 0, GARDEN, reply_to=1),
    Line(BEN, "@guest the recipe for the bread is for everyone:", 0, KITCHEN),
    Line(CORA, "1. knead for *ten* minutes\n2. wait an hour\n3. bake at `230 C`", 0, KITCHEN, reply_to=3),
)
"""Lines in the other rooms before the guest looks; the indices of replies are of these lines."""
PLAN: Final = "watering.txt", "Mon cora\nWed ben\nFri guest\n"
"""A file that someone sent to the garden."""
PRIVATE: Final = (
    "Hello cora, thank you for the invite!",
    "Hi! This room is end-to-end encrypted: the server can't read it. /verify cora compares our keys.",
)
"""Messages of guest and cora to each other."""

ANSWERS: Final = (
    "Got it: your message was written to the server's disk before it was sent to us.",
    "I see it. Select it and press i to look at its wire form.",
    "Good point. Try /create den and invite mallory, or better not.",
    "Try pasting several lines; nothing is sent before you press Enter.",
)
ANSWERS_IN_PRIVATE: Final = (
    "Only your device and mine can read this. /encryption shows what the server sees.",
    "I read you. Press + on this message to react.",
    "See you in the #garden!",
)
