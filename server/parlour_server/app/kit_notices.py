"""The notifications that every program's servers send each other."""

from collections.abc import Iterable
from typing import Any, Final

from parlour_server.app.log.log import LogAdvanced
from parlour_server.core.bus.bus import NoticeType, SessionsEnded
from parlour_server.core.connections.topics import TopicPublished, list_topic, log_topic, topic_subject


def _of_log(notice: LogAdvanced) -> Iterable[str]:
    kind = notice.log.partition(":")[0]
    return topic_subject(log_topic(notice.log)), topic_subject(list_topic(kind))


def _of_topic(notice: TopicPublished) -> Iterable[str]:
    return (topic_subject(notice.topic),)


KIT_NOTICES: Final[tuple[NoticeType[Any], ...]] = (
    NoticeType(SessionsEnded, "sessions"),
    NoticeType(LogAdvanced, "log", _of_log),
    NoticeType(TopicPublished, "topic", _of_topic),
)
