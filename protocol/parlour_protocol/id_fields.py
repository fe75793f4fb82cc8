"""The chat's own identifiers as fields of a frame; the others are in ``kit/id_fields.py``."""

from typing import Annotated

from msgspec import Meta

from parlour_protocol.ids import GROUP_ID_PATTERN, Epoch, FileId, GroupId, RoomId, WelcomeId
from parlour_protocol.kit.id_fields import IDENTIFIER
from parlour_protocol.kit.ids import ID_PATTERN, MAX_INT

RoomIdField = Annotated[RoomId, Meta(pattern=ID_PATTERN, extra=IDENTIFIER)]
GroupIdField = Annotated[GroupId, Meta(pattern=GROUP_ID_PATTERN, extra=IDENTIFIER)]
WelcomeIdField = Annotated[WelcomeId, Meta(pattern=ID_PATTERN, extra=IDENTIFIER)]
FileIdField = Annotated[FileId, Meta(pattern=ID_PATTERN, extra=IDENTIFIER)]
EpochField = Annotated[Epoch, Meta(ge=0, le=MAX_INT)]
