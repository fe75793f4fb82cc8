"""The notifications that every program's servers send each other."""

from collections.abc import Iterable
from typing import Any, Final

from parlour_server.app.log.log import EntryCommitted, log_subject
from parlour_server.core.bus.bus import NoticeType, SessionsEnded
from parlour_server.core.connections.topics import TopicPublished, list_topic, topic_subject


def _of_log(notice: EntryCommitted) -> Iterable[str]:
    kind = notice.log.partition(":")[0]
    return log_subject(notice.log), topic_subject(list_topic(kind))


def _of_topic(notice: TopicPublished) -> Iterable[str]:
    return (topic_subject(notice.topic),)


KIT_NOTICES: Final[tuple[NoticeType[Any], ...]] = (
    NoticeType(SessionsEnded, "sessions"),
    NoticeType(EntryCommitted, "log", _of_log),
    NoticeType(TopicPublished, "topic", _of_topic),
)
