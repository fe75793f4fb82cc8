"""A right answer to a challenge, which the change that it allows uses up, in its transaction.

A recovery code, and the half minute of a TOTP code: of any number of callers, at any number of servers, one
succeeds (L7).
"""

from dataclasses import dataclass, field

from parlour_protocol.kit.ids import Millis
from parlour_protocol.kit.names import UserName
from parlour_protocol.kit.second_factor import FactorKind
from parlour_server.capabilities.second_factors.records import FactorRecord
from parlour_server.core.store.engine.column_values import plain
from parlour_server.core.store.engine.connection import WriteConnection


@dataclass(frozen=True, slots=True)
class RightAnswer:
    """An answer that was right.

    ``counters`` are the factors that it may be by, each with its next counter; a recovery code has none.
    """

    kind: FactorKind
    counters: tuple[tuple[FactorRecord, int], ...] = ()
    recovery_code: bytes = field(default=b"", repr=False)

    def use(self, db: WriteConnection, user: UserName, at: Millis) -> bool:
        """Use it up; False if it was used before, or its factor is gone."""
        if self.kind is FactorKind.RECOVERY_CODE:
            query = "DELETE FROM recovery_codes WHERE account = ? AND digest = ?"
            return db.execute(query, (plain(user), self.recovery_code)).rowcount == 1
        for factor, counter in self.counters:
            # The counter only rises; that of a security key without one stays 0.
            used = db.execute(
                "UPDATE second_factors SET counter = ?1, last_used = ?2"
                " WHERE factor = ?3 AND account = ?4 AND active = 1"
                " AND (counter < ?1 OR (counter = 0 AND ?1 = 0))",
                (counter, at, factor.id, plain(user)),
            )
            if used.rowcount == 1:
                return True
        return False
