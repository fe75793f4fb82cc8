"""Arguments of the command line as checked types: names of people, rooms and devices, codes."""

from typing import Any, Final

import click

from parlour_protocol.kit.names import (
    DeviceName,
    NameRefusedError,
    UserName,
    parse_device_name,
    parse_user_name,
)
from parlour_protocol.room_name import RoomName, parse_room_name


class UserParam(click.ParamType[UserName]):
    """A user name; a leading @ is allowed."""

    name = "user"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> UserName:
        """Parse it, or say what is wrong."""
        try:
            return parse_user_name(str(value).removeprefix("@"))
        except NameRefusedError as error:
            self.fail(str(error), param, ctx)


class RoomNameParam(click.ParamType[RoomName]):
    """A room's name; a leading # is allowed."""

    name = "room"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> RoomName:
        """Parse it, or say what is wrong."""
        try:
            return parse_room_name(str(value).removeprefix("#"))
        except NameRefusedError as error:
            self.fail(str(error), param, ctx)


class DeviceParam(click.ParamType[DeviceName]):
    """A device's name."""

    name = "device"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> DeviceName:
        """Parse it, or say what is wrong."""
        try:
            return parse_device_name(str(value))
        except NameRefusedError as error:
            self.fail(str(error), param, ctx)


class UserOrCodeParam(click.ParamType[str]):
    """A user name, or a verification code, which has a colon as no name has."""

    name = "user"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Check a name; a code is checked where it is used."""
        return str(value) if ":" in str(value) else USER.convert(value, param, ctx)


USER: Final = UserParam()
USER_OR_CODE: Final = UserOrCodeParam()
ROOM_NAME: Final = RoomNameParam()
DEVICE: Final = DeviceParam()
