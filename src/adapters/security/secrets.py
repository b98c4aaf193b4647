"""Opaque credentials: ``<kind>_<shop>_<id>_<secret>``, the ids as 32 hex digits, the secret 256 random bits."""

import re
import secrets
from hashlib import sha256
from uuid import UUID

from core.ids import ShopId

_FORM = re.compile(r"([a-z]{2})_([0-9a-f]{32})_([0-9a-f]{32})_([A-Za-z0-9_-]{43})", re.ASCII)


class OpaqueSecrets:
    """See :class:`ports.security.Secrets`. A plain digest suffices: nobody guesses 256 random bits."""

    def make(self, kind: str, shop_id: ShopId, credential_id: UUID) -> tuple[str, bytes]:
        secret = secrets.token_urlsafe(32)
        return f"{kind}_{shop_id.hex}_{credential_id.hex}_{secret}", sha256(secret.encode()).digest()

    def read(self, kind: str, credential: str) -> tuple[ShopId, UUID, bytes] | None:
        form = _FORM.fullmatch(credential)
        if form is None or form[1] != kind:
            return None
        return ShopId(UUID(form[2])), UUID(form[3]), sha256(form[4].encode()).digest()
