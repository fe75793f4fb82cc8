"""Encryption in memory, for the views: what each room, person and device is said to be, and every call."""

from collections.abc import Sequence
from dataclasses import replace

from parlour_client.core.e2ee.e2ee import E2ee
from parlour_client.core.e2ee.identity.witnesses import Witness, Witnesses
from parlour_client.core.e2ee.trust.compare import check_typed
from parlour_client.core.e2ee.trust.sas import ALL_WORDS, are_typed
from parlour_client.core.e2ee.values import (
    KEYS,
    Alarm,
    MemberDevice,
    OwnDevice,
    OwnKeys,
    PersonReport,
    RoomEncryption,
    RoomPerson,
    RoomReport,
    RoomState,
    SasVerification,
    Trust,
)
from parlour_client.kit.errors import SetupError
from parlour_protocol.delivery import DeviceStatus
from parlour_protocol.ids import Epoch, GroupId, RoomId
from parlour_protocol.kit.ids import DeviceId, Millis, RequestId
from parlour_protocol.kit.names import UserName, parse_device_name, parse_user_name
from parlour_protocol.kit.secret import Secret
from parlour_protocol.rooms import RoomSuite

OPEN = "Not encrypted: the server can read this"
OPEN_SHORT = "Not encrypted"
NUMBER = " ".join(f"{n:05}" for n in range(11111, 11123))
LAST = "".join(NUMBER.split()[-4:])
THIS = DeviceId("a" * 26)
OTHER = DeviceId("b" * 26)
NAME = parse_device_name("laptop")
AT = Millis(1_790_000_000_000)


class FakeWitnesses(Witnesses):
    """Has the witnesses that it was told, and looks for nothing."""

    def __init__(self) -> None:
        self.there: list[Witness] = []

    async def wanted(self) -> Sequence[Witness]:
        return self.there

    async def look(self) -> None:
        return

    async def add(self, vkey: str) -> Witness:
        self.there.append(Witness(vkey, 7, AT))
        return self.there[-1]

    async def remove(self, name: str) -> None:
        self.there = [one for one in self.there if one.key.name != name]


class FakeEncryption(E2ee):
    """Says what it was told to say."""

    def __init__(self) -> None:
        self.witnesses = FakeWitnesses()
        self.waiting_devices: list[OwnDevice] = []
        self.rooms: dict[RoomId, RoomEncryption] = {}
        self.trusted: dict[UserName, Trust] = {}
        self.told: list[Alarm] = []
        self.calls: list[tuple[object, ...]] = []
        self.own_keys = OwnKeys(THIS, DeviceStatus.ACTIVE, "abcd-efgh-ijkl-mnop", True, "a passphrase")
        self.listed = [
            OwnDevice(THIS, NAME, DeviceStatus.ACTIVE, AT, AT, current=True),
            OwnDevice(OTHER, parse_device_name("phone"), DeviceStatus.ACTIVE, AT, AT, current=False),
        ]
        self.code = "PARLOUR1:ABCDEF"
        self.suite: RoomSuite | None = None
        self.people: tuple[RoomPerson, ...] = ()
        self.void_invitations: Sequence[str] = ()
        self.process = SasVerification(RequestId("p" * 22), RoomId("r" * 22), parse_user_name("bob"), True)

    def room(self, room: RoomId) -> RoomEncryption:
        return self.rooms.get(room, RoomEncryption(RoomState.OPEN, OPEN, short=OPEN_SHORT))

    def own(self) -> OwnKeys:
        return self.own_keys

    def trust(self, user: UserName) -> Trust:
        return self.trusted.get(user, Trust.FIRST_SEEN)

    def shown(self, alarms: Sequence[Alarm]) -> None:
        """Note that these were on the screen."""
        self.on_screen = list(alarms)

    def alarms(self) -> Sequence[Alarm]:
        return self.told

    async def dismiss(self, alarm: int) -> None:
        self.calls.append(("dismiss", alarm))
        self.told = [one for one in self.told if one.id != alarm or one.permanent]

    async def report(self, room: RoomId) -> RoomReport:
        told = self.room(room)
        bob = parse_user_name("bob")
        return RoomReport(
            room=room,
            state=told.state,
            label=told.label,
            problem=told.problem,
            group=GroupId("g" * 43),
            epoch=Epoch(7),
            authenticator="01234 56789 01234 56789 01234 56789",
            members=(MemberDevice(bob, OTHER, NAME, self.trust(bob), AT),),
            without_device=(parse_user_name("carol"),),
            last_change=AT,
            server_sees=("Who is in the room.",),
            assurance="not independently audited",
            suite=self.suite,
            keys="" if self.suite is None else KEYS[self.suite],
            people=self.people,
            claims=told.claims,
            void_invitations=self.void_invitations,
        )

    async def person(self, user: UserName) -> PersonReport:
        return PersonReport(user, self.trust(user), NUMBER, AT)

    async def confirm(self, user: UserName, typed: str) -> PersonReport:
        self.calls.append(("confirm", user, typed))
        check_typed(NUMBER, typed, user)
        self.trusted[user] = Trust.VERIFIED
        return await self.person(user)

    async def check_code(self, user: UserName, code: str) -> PersonReport:
        self.calls.append(("check_code", user, code))
        return await self.person(user)

    def own_code(self) -> str:
        return self.code

    async def accept_key(self, user: UserName) -> PersonReport:
        self.calls.append(("accept_key", user))
        self.trusted[user] = Trust.FIRST_SEEN
        return await self.person(user)

    async def turn_on(self, room: RoomId, people: Sequence[UserName]) -> None:
        self.calls.append(("turn_on", room, *people))
        self.rooms[room] = RoomEncryption(RoomState.ACTIVE, "Encrypted · ben not verified")

    async def claims(self, room: RoomId) -> Sequence[str]:
        return self.room(room).claims

    async def unfinished(self, room: RoomId) -> str:
        return self.room(room).problem

    async def recreate(self, room: RoomId) -> None:
        self.calls.append(("recreate", room))

    async def settle(self, room: RoomId) -> None:
        self.calls.append(("settle", room))

    async def devices(self) -> Sequence[OwnDevice]:
        return self.listed

    @property
    def waiting(self) -> Sequence[OwnDevice]:
        return self.waiting_devices

    async def approve(self, code: str) -> OwnDevice:
        self.calls.append(("approve", code))
        return self.listed[-1]

    async def revoke(self, device: DeviceId) -> None:
        self.calls.append(("revoke", device))

    async def recovery_words(self) -> Sequence[str]:
        return [f"word{n}" for n in range(1, 25)]

    async def recover(self, words: Sequence[str]) -> None:
        self.calls.append(("recover", tuple(words)))

    async def reset_identity(self, password: Secret) -> None:
        self.calls.append(("reset_identity", password))

    async def send_history(self, room: RoomId, device: DeviceId) -> int:
        del room
        self.calls.append(("send_history", device))
        return 0

    async def start_sas(self, user: UserName) -> SasVerification:
        self.calls.append(("start_sas", user))
        return self.process

    async def answer_sas(self, process: RequestId) -> SasVerification:
        self.calls.append(("answer_sas", process))
        return self.process

    async def confirm_sas(self, process: RequestId, typed: str) -> SasVerification:
        if not are_typed(self.process.words, typed):
            raise SetupError(ALL_WORDS)
        self.calls.append(("confirm_sas", process))
        self.process = replace(self.process, we_confirmed=True)
        return self.process

    async def cancel_sas(self, process: RequestId) -> None:
        self.calls.append(("cancel_sas", process))

    def sas_verifications(self) -> Sequence[SasVerification]:
        return [self.process]
