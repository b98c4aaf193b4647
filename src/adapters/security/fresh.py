"""Fresh ids, salts and secrets, and the time."""

import os
from datetime import UTC, datetime
from uuid import UUID

from uuid_utils.compat import uuid7


class SystemFresh:
    """See :class:`ports.security.Fresh`."""

    def id(self) -> UUID:
        return uuid7()

    def salt(self) -> bytes:
        return os.urandom(16)

    def secret(self) -> bytes:
        return os.urandom(32)


class SystemClock:
    """See :class:`ports.security.Clock`."""

    def now(self) -> datetime:
        return datetime.now(UTC)
