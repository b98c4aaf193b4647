"""Sign in and out."""

import secrets
from hashlib import sha256
from typing import Annotated, Any

import structlog
from litestar import Request, Response, get, post
from msgspec import Meta

from core.errors import InvalidField, SignInFailed, TooManySignIns, Unauthenticated
from core.use_cases.console_sessions import Visit
from entrypoints.console.formats import formats_of
from entrypoints.console.forms import Form, FormStruct, read_entries, require_token, sent_entries
from entrypoints.console.pages import redirection
from entrypoints.console.refusals import FormRefused, sentence_of, status_of
from entrypoints.console.services import Console, ConsoleOf
from entrypoints.console.sessions import SIGN_IN, safe_path
from entrypoints.http.caller_address import caller_address
from entrypoints.http.problems import FieldError, InvalidFields
from entrypoints.staff_api.bodies import Password, Slug
from entrypoints.staff_api.texts import Email

_EVENTS = {SignInFailed: "sign_in_failed", TooManySignIns: "sign_in_throttled"}
_NO_SHOP = formats_of("USD", "UTC")
"""There is no money on these pages."""

_log = structlog.stdlib.get_logger()


class SignInForm(FormStruct, frozen=True, kw_only=True):
    shop: Annotated[Slug, Meta(title="Shop")]
    email: Annotated[Email, Meta(title="E-mail")]
    password: Annotated[Password, Meta(title="Password")]
    next: str | None = None


@get("/sign-in")
async def show_sign_in(console: ConsoleOf, request: Request[Any, Any, Any]) -> Response[Any]:
    """The way in; who is in already goes on."""
    back = safe_path(request.query_params.get("next"))
    credential = console.cookies.read(request, "session")
    if credential is not None and await _visit(console, credential) is not None:
        return redirection(back)
    return _page(console, request, entries={"next": [back]}, was_signed_in=credential is not None)


@post("/sign-in")
async def sign_in(console: ConsoleOf, request: Request[Any, Any, Any]) -> Response[Any]:
    """Begins a new session, and ends the one that this browser had."""
    entries = await sent_entries(request)
    browser = console.cookies.read(request, "browser")
    back = safe_path((entries.get("next") or [""])[0])
    shown = {name: texts for name, texts in entries.items() if name in {"shop", "email"}} | {"next": [back]}
    try:
        require_token(request, entries, console.tokens, (browser or "").encode())
    except FormRefused:
        # Also whoever comes without cookies, or from a page that was left open for long: they get a fresh one.
        return _page(console, request, entries=shown, refusal=FormRefused("Please sign in once more."))
    del entries["_token"]
    entries.pop("_key", None)
    # Short names have small letters only; a tablet begins a word with a large one all the same.
    entries["shop"] = [text.lower() for text in entries.get("shop", [])]
    try:
        typed = read_entries(entries, SignInForm, _NO_SHOP)
        credential = await _begin(console, request, typed)
    except (InvalidFields, InvalidField, SignInFailed, TooManySignIns) as refusal:
        return _page(console, request, entries=shown, refusal=refusal)
    former = console.cookies.read(request, "session")
    if former is not None:
        await _end(console, former)
    cookies = [console.cookies.make("session", credential), console.cookies.drop("browser")]
    return redirection(back, cookies=cookies)


@post("/sign-out")
async def sign_out(console: ConsoleOf, request: Request[Any, Any, Any]) -> Response[bytes]:
    """Ends the session."""
    await _end(console, console.cookies.read(request, "session") or "")
    return redirection(SIGN_IN, cookies=[console.cookies.drop("session"), console.cookies.drop("said")])


async def _begin(console: Console, request: Request[Any, Any, Any], typed: SignInForm) -> str:
    address = caller_address(request)
    try:
        credential = await console.begin_session(
            slug=typed.shop, email=typed.email, password=typed.password, address=address
        )
    except (SignInFailed, TooManySignIns) as refusal:
        # Not the account as typed: people type their passwords into the wrong field.
        account = sha256(f"{typed.shop} {typed.email.lower()}".encode()).hexdigest()[:16]
        _log.warning(_EVENTS[type(refusal)], address=address, account=account)
        raise
    visit = await console.continue_session(credential)
    _log.info(
        "signed_in", address=address, shop_id=str(visit.shop.id), actor_kind="staff", actor_id=str(visit.staff_id)
    )
    return credential


async def _visit(console: Console, credential: str) -> Visit | None:
    try:
        return await console.continue_session(credential)
    except Unauthenticated:
        return None


async def _end(console: Console, credential: str) -> None:
    try:
        await console.end_session(credential)
    except Unauthenticated:
        return


def _page(
    console: Console,
    request: Request[Any, Any, Any],
    *,
    entries: dict[str, list[str]],
    refusal: Exception | None = None,
    was_signed_in: bool = False,
) -> Response[Any]:
    browser = console.cookies.read(request, "browser") or secrets.token_urlsafe(32)
    errors: tuple[FieldError, ...] = refusal.errors if isinstance(refusal, InvalidFields) else ()
    if isinstance(refusal, InvalidField):
        errors = (FieldError(refusal.field, refusal.message),)
    form = Form(
        SignInForm,
        entries,
        token=console.tokens.of_forms(browser.encode()),
        errors=errors,
        sentence=None if refusal is None else sentence_of(refusal, _NO_SHOP),
    )
    facts = {"visitor": None, "said": None, "form": form, "was_signed_in": was_signed_in, "refusal": refusal}
    status = 200 if refusal is None else status_of(refusal)
    answer = console.pages.answer(request, "sign_in.html", facts, status=status)
    answer.cookies.append(console.cookies.make("browser", browser))
    if was_signed_in:
        answer.cookies.append(console.cookies.drop("session"))
    retry_after_seconds = getattr(refusal, "retry_after_seconds", None)
    if retry_after_seconds is not None:
        answer.headers["Retry-After"] = str(retry_after_seconds)
    return answer


open_routes = [show_sign_in, sign_in]
routes = [sign_out]
