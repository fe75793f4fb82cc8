"""The reports that an account sent. A deleted account's get a pseudonym."""

from typing import Final

from parlour_server.chat.store.store_part import AccountPart, StorePart

_REPORTER: Final = AccountPart(
    authors=(
        (
            "SELECT report FROM reports WHERE reporter = ? LIMIT ?",
            "UPDATE reports SET reporter = ?2 WHERE report = ?1",
        ),
    ),
    exported={
        "reports": (
            ("report", "at", "room", "message", "author", "reason", "note", "quote", "closed"),
            (
                "SELECT report, at, room, seq, author, reason, note, quote, closed FROM reports"
                " WHERE reporter = ? ORDER BY at, report"
            ),
        )
    },
)
IN_STORE: Final = StorePart(accounts=_REPORTER)
