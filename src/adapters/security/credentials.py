"""From what stands behind ``Bearer`` to a credential: an access token or an API key."""

from adapters.security.access_tokens import JwtAccessTokens
from core.errors import Unauthenticated
from core.staff import ActorKind, Credential
from ports.security import API_KEY_KIND, Secrets


class CredentialReader:
    """Checks what can be checked without the database: a token's signature, audience, issuer, type and expiry."""

    def __init__(self, access_tokens: JwtAccessTokens, secrets: Secrets) -> None:
        self._access_tokens = access_tokens
        self._secrets = secrets

    def read(self, bearer: str) -> Credential:
        """Raises Unauthenticated."""
        if bearer.startswith(f"{API_KEY_KIND}_"):
            api_key = self._secrets.read(API_KEY_KIND, bearer)
            if api_key is None:
                raise Unauthenticated
            shop_id, key_id, secret_hash = api_key
            return Credential(shop_id, ActorKind.API_KEY, key_id, secret_hash)
        credential = self._access_tokens.read(bearer)
        if credential is None:
            raise Unauthenticated
        return credential
