"""People with an account and a device who sign statements about an encrypted room, and its first roster.

For attacks on the rules of membership, which need no server.
"""

from dataclasses import dataclass, field
from typing import Final

from parlour_client.core.e2ee.identity.keys import (
    CERTIFICATE,
    KNOWN,
    SUITES,
    AccountKey,
    DeviceKey,
    sign,
    verify,
)
from parlour_mls import Extension, KeyPackageStore, LeafNode, Lifetime, Policy
from parlour_protocol.ids import RoomId
from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName, parse_device_name, parse_user_name
from parlour_protocol.membership import (
    ADMISSION_LASTS,
    Accept,
    Admit,
    AnyAct,
    Remove,
    Roster,
    Statement,
    new_admission_id,
    read_statement,
    sign_statement,
)
from parlour_protocol.rooms import Role, RoomKind

SERVER: Final = "chat.example.org"
ROOM: Final = RoomId("Zm9vYmFyYmF6cXV4cXV1eA")
NOW: Final = Millis(1_800_000_000_000)


@dataclass
class Person:
    """Someone with an account and one device."""

    user: UserName
    account: AccountKey = field(default_factory=AccountKey.generate)

    def __post_init__(self) -> None:
        self.key = DeviceKey.generate(self.user, SERVER)
        name = parse_device_name("laptop")
        _, self.certificate = self.account.certify(self.user, SERVER, self.key.public, name, NOW)

    def signs(self, act: AnyAct) -> Statement:
        """Return a statement that they signed."""
        data = sign_statement(act, self.certificate, lambda message: sign(self.key.signer.seed, message))
        return read_statement(data, verify)

    def admits(self, roster: Roster, who: "Person", key: bytes | None = None) -> Statement:
        """Return an admission that they sign."""
        account, end = key or who.account.public, Millis(NOW + ADMISSION_LASTS)
        begun, after, chosen = roster.origin, roster.removal_digest(who.user), new_admission_id()
        return self.signs(
            Admit(SERVER, ROOM, roster.serial, NOW, who.user, account, begun, after, chosen, end)
        )

    def accepts(self, admission: Statement) -> Statement:
        """Return the acceptance that they sign."""
        return self.signs(Accept(SERVER, ROOM, 0, NOW, self.user, admission.digest))

    def removes(self, roster: Roster, who: "Person", ban: Millis | None = None) -> Statement:
        """Return a removal that they sign; with an end of a ban, a ban."""
        return self.signs(Remove(SERVER, ROOM, roster.serial, NOW, who.user, ban=ban is not None, until=ban))

    def leaf(self) -> LeafNode:
        """Return the leaf of their device."""
        store, seconds = KeyPackageStore(), NOW // 1_000
        store.create(
            self.key.credential,
            self.key.signer,
            Lifetime(seconds, seconds + 86_400),
            leaf_extensions=(Extension(CERTIFICATE, self.certificate),),
            policy=Policy(extensions=KNOWN, cipher_suites=SUITES),
        )
        (package,) = store
        return package.leaf_node


def people(*names: str) -> list[Person]:
    """Return people with these names."""
    return [Person(parse_user_name(name)) for name in names]


def first_roster(kind: RoomKind, founder: Person, *others: Person) -> Roster:
    """Return the roster of a room that begins with these people; the founder is its owner."""
    everyone = [(founder.user, founder.account.public, Role.OWNER)]
    everyone += [(one.user, one.account.public, Role.MEMBER) for one in others]
    return Roster.begin(SERVER, ROOM, kind, founder.user, everyone, NOW)


def is_never_logged(_user: UserName, _before: bytes, _now: bytes) -> bool:
    """Say that the key log has no such key."""
    return False
