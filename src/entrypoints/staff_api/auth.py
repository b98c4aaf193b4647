"""Signing in, staying signed in, signing out: the only operations without a credential."""

from hashlib import sha256
from typing import Any

import structlog
from litestar import Request, post
from litestar.params import JSONBody

from core.errors import InvalidField, SignInFailed, TooManySignIns, Unauthenticated
from core.views import SignedInView
from entrypoints.http.caller_address import caller_address
from entrypoints.staff_api.bodies import RefreshTokenBody, SignInBody
from entrypoints.staff_api.services import Api

_TAGS = ["Signing in"]
_EVENTS = {SignInFailed: "sign_in_failed", TooManySignIns: "sign_in_throttled"}

_log = structlog.stdlib.get_logger()


@post(
    "/auth/sign-in",
    status_code=200,
    summary="Sign in",
    tags=_TAGS,
    refuses=(SignInFailed, TooManySignIns, InvalidField),
)
async def sign_in(api: Api, request: Request[Any, Any, Any], data: JSONBody[SignInBody]) -> SignedInView:
    """With the shop's short name, an e-mail address and a password. The access token is good for 15 minutes; the
    refresh token gets the next one, once.
    """
    address = caller_address(request)
    try:
        signed_in = await api.sign_in(slug=data.shop, email=data.email, password=data.password, address=address)
    except (SignInFailed, TooManySignIns) as refusal:
        # Not the account as typed: people type their passwords into the wrong field.
        account = sha256(f"{data.shop} {data.email.lower()}".encode()).hexdigest()[:16]
        _log.warning(_EVENTS[type(refusal)], address=address, account=account)
        raise
    credential = api.credential_reader.read(signed_in.access_token)
    _log.info(
        "signed_in",
        address=address,
        shop_id=str(credential.shop_id),
        actor_kind=credential.kind.value,
        actor_id=str(credential.id),
    )
    return signed_in


@post("/auth/refresh", status_code=200, summary="Stay signed in", tags=_TAGS, refuses=(Unauthenticated,))
async def refresh(api: Api, data: JSONBody[RefreshTokenBody]) -> SignedInView:
    """New tokens for a refresh token. Each works once: one that comes a second time ends the whole session."""
    return await api.refresh(data.refresh_token)


@post("/auth/sign-out", status_code=204, summary="Sign out", tags=_TAGS, refuses=(Unauthenticated,))
async def sign_out(api: Api, data: JSONBody[RefreshTokenBody]) -> None:
    """Ends the session that the refresh token belongs to."""
    await api.sign_out(data.refresh_token)


routes = [sign_in, refresh, sign_out]
