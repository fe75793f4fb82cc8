"""Names as types: every `UserName` and `DeviceName` was validated once, at the edge.

Names are stricter than text, because people recognise each other by them: canonical spelling, one script, no
look-alikes (`skeleton`). Importing this package loads no table and no PRECIS.
"""

from parlour_protocol.kit.names.device_name import DeviceName, parse_device_name
from parlour_protocol.kit.names.errors import NameReason, NameRefusedError
from parlour_protocol.kit.names.skeleton import Skeleton, skeleton
from parlour_protocol.kit.names.user_name import PSEUDONYM, UserName, is_pseudonym, parse_user_name

__all__ = [
    "PSEUDONYM",
    "DeviceName",
    "NameReason",
    "NameRefusedError",
    "Skeleton",
    "UserName",
    "is_pseudonym",
    "parse_device_name",
    "parse_user_name",
    "skeleton",
]
