"""The chat's invite links: `parlour://host:port/join#code=…&pin=…&by=…`, with the inviter in them.

`by` has the inviter's name and account key: with it the client knows that person's key independently of the
server.
"""

from dataclasses import dataclass

from parlour_protocol.frames.opaque import PublicKey
from parlour_protocol.kit.errors import InvalidLinkError
from parlour_protocol.kit.invite_link import InviteLink
from parlour_protocol.kit.names import NameRefusedError, UserName, parse_user_name


@dataclass(frozen=True, slots=True)
class Inviter:
    """The inviter, and the account key that their own client shows for them."""

    user: UserName
    key: PublicKey

    def __str__(self) -> str:
        return f"{self.user}.{self.key.text}"

    @classmethod
    def parse(cls, text: str) -> "Inviter":
        """Read `NAME.KEY`, the key in base64url. Raises InvalidLinkError."""
        name, _, key = text.rpartition(".")
        try:
            return cls(parse_user_name(name), PublicKey.parse(key))
        except (NameRefusedError, ValueError) as error:
            raise InvalidLinkError(
                "the inviter's part of the link is damaged: ask them for the link again"
            ) from error


@dataclass(frozen=True, slots=True)
class ChatInviteLink:
    """An invitation to a chat server. ``by`` is absent if the inviter did not add their key."""

    link: InviteLink
    by: Inviter | None = None

    def __str__(self) -> str:
        return self.link.text(by=str(self.by)) if self.by else str(self.link)

    @classmethod
    def parse(cls, text: str) -> "ChatInviteLink":
        """Read a link. Raises InvalidLinkError with a sentence that says what is wrong."""
        link, more = InviteLink.parse_with(text, frozenset({"by"}))
        return cls(link, Inviter.parse(more["by"]) if "by" in more else None)
