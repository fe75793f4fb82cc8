"""Messages of a group as bytes and back, as a member that keeps no rule would frame them."""

from dataclasses import replace
from typing import Any

from tests.mls.mls_world import GROUP_ID

from parlour_mls import (
    Group,
)
from parlour_mls.codec import SenderType, WireFormat
from parlour_mls.epoch import frame_public_message, sign
from parlour_mls.messages import (
    AuthData,
    FramedContent,
    PrivateMessage,
    PublicMessage,
    encode_message,
    member,
    read_message,
)


def public(data: bytes) -> PublicMessage:
    """Read a public message."""
    message = read_message(data)
    assert isinstance(message, PublicMessage)
    return message


def private(data: bytes) -> PrivateMessage:
    """Read a private message."""
    message = read_message(data)
    assert isinstance(message, PrivateMessage)
    return message


def framed(group: Group, body: Any, **changes: Any) -> FramedContent:
    """Frame content as that member would, with some fields changed."""
    content = FramedContent(GROUP_ID, group.epoch, member(group.own_index), b"", body)
    return replace(content, **changes)


def clear(group: Group, content: FramedContent, tag: bytes | None = None) -> bytes:
    """Sign and frame content in clear, with a correct membership tag, whatever it says."""
    epoch = group.state.epoch
    context = epoch.context.encode()
    auth = AuthData(sign(WireFormat.PUBLIC_MESSAGE, content, context, epoch.signer), tag)
    is_member = content.sender.type is SenderType.MEMBER
    return encode_message(
        frame_public_message(content, auth, context, epoch.secrets.membership if is_member else None)
    )
