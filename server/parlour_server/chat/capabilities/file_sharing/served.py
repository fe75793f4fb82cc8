"""Files in a running chat: uploads, downloads, and the removal of those whose time is over."""

from collections.abc import Coroutine, Mapping
from functools import partial
from typing import Any, Final

from parlour_protocol.frames.bodies import FileRef
from parlour_protocol.frames.replies import Stored
from parlour_protocol.frames.requests import Send
from parlour_server.app.metrics import Kind, Metric, Scope
from parlour_server.app.parts import Parts
from parlour_server.chat.capabilities.file_sharing.blob_store import BlobStore
from parlour_server.chat.capabilities.file_sharing.budgets import UploadBudgets
from parlour_server.chat.capabilities.file_sharing.endpoints import FileEndpoints
from parlour_server.chat.capabilities.file_sharing.expiry import FileEvent, FileExpiry
from parlour_server.chat.capabilities.file_sharing.folder import files_of
from parlour_server.chat.capabilities.file_sharing.operations import FILE_OPERATIONS
from parlour_server.chat.capabilities.file_sharing.records import FileStore
from parlour_server.chat.capabilities.file_sharing.settings import FileSettings
from parlour_server.chat.capabilities.file_sharing.uploads import Uploads
from parlour_server.chat.capability import ChatServed, Endpoints
from parlour_server.chat.delivery.delivery_budgets import DeliveryBudgets
from parlour_server.chat.service.chat import Chat
from parlour_server.chat.service.commands import Commands
from parlour_server.chat.service.peer_state import ChatPeer
from parlour_server.chat.store.chat_store import ChatStore
from parlour_server.chat.store.types import AppendedEvent
from parlour_server.core.config.server_settings import section
from parlour_server.core.content_filter import ContentFilter, NamedFile, Sender
from parlour_server.core.https.operations import Handler
from parlour_server.core.https.request_guard import RequestGuard
from parlour_server.core.program import Pending

_BYTES: Final = Metric("files_bytes", Kind.GAUGE, "What uploaded files take", scope=Scope.DATABASE)
_LIMIT: Final = Metric(
    "files_limit_bytes",
    Kind.GAUGE,
    "The most they may take (`files.total_bytes`)",
    scope=Scope.DATABASE,
)


def _join(parts: Parts[Any, ChatStore], chat: Chat) -> Endpoints:
    """Serve the endpoints, and look at messages with files. Raises SetupError."""
    blobs = BlobStore(files_of(parts.folder))
    blobs.open()
    records = FileStore(parts.store, parts.steady)
    content_filter = parts.hooks.content_filter
    if content_filter is not None:
        chat.hooks.handlers[Send] = _CheckedSend(chat.commands, content_filter, blobs).send
    expiry = FileExpiry(records, blobs, parts.clock, parts.audit)
    chat.hooks.content_removed.append(expiry.soon)
    parts.run(expiry.run())

    def endpoints(guard: RequestGuard, budgets: DeliveryBudgets) -> Mapping[str, Handler]:
        files = section(parts.settings, FileSettings)
        uploads = Uploads(
            parts.store,
            records,
            blobs,
            parts.clock,
            parts.audit,
            UploadBudgets(files, parts.clock, parts.nodes, parts.quotas.accounts, parts.quotas.hits),
            files,
            content_filter,
        )
        return FileEndpoints(guard, uploads, budgets).handlers

    parts.metrics.rows(records.count_bytes, _BYTES)
    parts.metrics.number(_LIMIT, lambda: section(parts.settings, FileSettings).total_bytes)
    return endpoints


class _CheckedSend:
    """Has the content filter look at a file with the name that a message gives it, before it is stored."""

    def __init__(self, commands: Commands, content_filter: ContentFilter, blobs: BlobStore) -> None:
        self._commands = commands
        self._filter = content_filter
        self._blobs = blobs

    def send(self, peer: ChatPeer, asked: Send) -> Pending[AppendedEvent] | Coroutine[Any, Any, Stored]:
        """Append the message. What is returned raises RefusedError, UnavailableError."""
        if asked.file is None:
            return self._commands.append(peer, asked)
        return self._send_file(peer, asked, asked.file)

    async def _send_file(self, peer: ChatPeer, asked: Send, ref: FileRef) -> Stored:
        file = NamedFile(ref.size, ref.name, ref.media_type, partial(self._blobs.head, ref.file))
        await self._filter.file(file, Sender(peer.user, asked.room))
        return await self._commands.append_now(peer, asked)


SERVED: Final = ChatServed(
    join=_join,
    operations=FILE_OPERATIONS,
    metrics=(_BYTES, _LIMIT),
    audit_events=tuple(FileEvent),
    limits=("files.uploads_per_hour", "files.upload_bytes_per_hour"),
)
