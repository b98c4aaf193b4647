"""Encrypts the kept answers of requests that show a secret once, so that a replay can show it again but the database
cannot.
"""

from adapters.security.keys import SecretKeys
from adapters.security.seal import AesGcmSeal


class AesGcmAnswerSeal(AesGcmSeal):
    """``context`` ties an answer to its shop and idempotency key."""

    def __init__(self, keys: SecretKeys) -> None:
        super().__init__(keys, "kept-answers")


class AesGcmSecretSeal(AesGcmSeal):
    """For the signing secrets of webhooks; ``context`` ties one to its shop and endpoint."""

    def __init__(self, keys: SecretKeys) -> None:
        super().__init__(keys, "webhook-secrets")
