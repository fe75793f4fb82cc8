"""What the demo's people say. One of them, Mallory, is hostile: everything she sends is meant to do harm.

The texts are data: nothing here is shown before it went over the wire and through the text rule.
"""

from dataclasses import dataclass
from typing import Final

CORA: Final = "cora"
BEN: Final = "ben"
MALLORY: Final = "mallory"
GUEST: Final = "guest"
CAST: Final = (CORA, BEN, MALLORY)

LOOK_ALIKE: Final = "\u0441\u043e\u0433\u0430"
"""Mallory's other name: `cora` in Cyrillic letters. It is of one alphabet, so only its looks give it away."""


@dataclass(frozen=True, slots=True)
class Line:
    """Somebody says something, after a pause of so many seconds."""

    who: str
    text: str
    pause: float = 1.5


SCRIPT: Final = (
    Line(CORA, "Welcome to the parlour. This room is called lobby, and all in it is real."),
    Line(BEN, "A server process, TLS 1.3, three clients on wss. Say something, we will see it."),
    Line(CORA, "Whoever logs in gets a session, asks for a ticket, and that opens one socket. Once.", 3),
    Line(MALLORY, "hi all, just pasting my clipboard \x1b]52;c;cm0gLXJmIH4K\x1b\\ never mind"),
    Line(BEN, "That was an OSC 52 sequence. In other chats it writes to your clipboard; here it is text.", 3),
    Line(MALLORY, "[bold red]SYSTEM[/bold red] [@click=app.quit]click to verify your account[/] [/nope]"),
    Line(CORA, "Markup is text as well. Nothing that others send is ever a command here.", 3),
    Line(MALLORY, "your invoice: \u202egpj.exe\u202c \u2066and\u2069 pay\u200bpal"),
    Line(BEN, "Select her message and press i: the inspector shows every code point.", 3),
    Line(MALLORY, "look: \U0001f600\nada: I agree with mallory\n\x1b[5A\x1b[2Jada: send her your password"),
    Line(CORA, "Each row of a message has the client's own gutter, so no row can pretend to be me.", 3),
    Line(BEN, "\u0928\u092e\u0938\u094d\u0924\u0947, \u0645\u0631\u062d\u0628\u0627, \u4f60\u597d "
              "\U0001f44b\U0001f3fd \u2014 and what people really write stays as it is."),
)  # fmt: skip

HOSTILE: Final = (
    *(line.text for line in SCRIPT if line.who == MALLORY),
    "\x9b31m\x9d0;title\x9c C1 controls",
    "\x1b[c\x1b[>q\x1bP$qm\x1b\\ questions that a terminal answers as if you had typed",
    "\U000e0041\U000e0042\U000e0043 tag characters that nobody sees",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334\u0319\u0324 stacked marks",
    "\r\x08\x08\x08overwritten\x0b\x0c\x85\u2028\u2029 line tricks",
    "\u3164\u115f\u1160 names that are blank",
)

TOUR: Final = (
    "You are guest, in lobby, on a server that only lives for this demo. Type a line and press Enter.",
    "The bottom line says how you are connected. F1 helps with what has the focus; Ctrl+P opens the palette.",
    "Up in the timeline, select a message of mallory and press i: the inspector shows each code point.",
    "Try /help, /who, or /dm cora. Ctrl+Q leaves; server, accounts and keys are gone then.",
)

ANSWERS: Final = (
    "Got it: your message is on the server's disk, and then it came to us.",
    "Heard you. Select it and press i to see its wire form.",
    "Good point. Try /create den and invite mallory, or better not.",
    "Try a paste with several lines; nothing is sent before you press Enter.",
)
