"""Somebody signed in, and what they are shown."""

from typing import Any, TypeVar
from urllib.parse import urlencode
from uuid import UUID

import msgspec
import structlog
from litestar import Request, Response
from litestar.connection import ASGIConnection
from litestar.datastructures import Cookie
from msgspec import Struct

from core.errors import PermissionDenied
from core.ids import StaffId
from core.shop import ShopSettings
from core.staff import Caller, Permission
from core.use_cases.console_sessions import Visit
from core.views import Page
from entrypoints.console.cookies import SAID_SECONDS, Cookies
from entrypoints.console.formats import Formats, formats_of
from entrypoints.console.forms import Form, SentForm, entries_of, with_what_it_shows
from entrypoints.console.navigation import PLACES, Place
from entrypoints.console.pages import KEPT_FOR_BACK, Pages, redirection
from entrypoints.console.refusals import status_of
from entrypoints.console.tokens import ConsoleTokens
from entrypoints.http.cursors import Cursors, ListFilters
from entrypoints.http.requests import read_query

T = TypeVar("T")
F = TypeVar("F", bound=Struct)


class Visitor:
    """Who asks, with what they may and how their shop writes things; answers their request with pages."""

    def __init__(
        self,
        request: ASGIConnection[Any, Any, Any, Any],
        visit: Visit,
        *,
        pages: Pages,
        cookies: Cookies,
        tokens: ConsoleTokens,
    ) -> None:
        self._request = request
        self._visit = visit
        self._pages = pages
        self._cookies = cookies
        self._tokens = tokens
        self.formats: Formats = formats_of(visit.shop.currency, visit.shop.time_zone)

    @property
    def caller(self) -> Caller:
        """For what only reads; what writes takes the form's own (:meth:`SentForm.once`)."""
        return self._visit.caller

    @property
    def name(self) -> str:
        return self._visit.name

    @property
    def shop(self) -> ShopSettings:
        return self._visit.shop

    @property
    def bound_to(self) -> bytes:
        """What the tokens of this session are bound to."""
        return self._visit.session_id.bytes

    @property
    def staff_id(self) -> StaffId:
        return self._visit.staff_id

    def may(self, permission: str) -> bool:
        return Permission(permission) in self._visit.permissions

    def require(self, permission: Permission) -> None:
        """For pages that lead to what is refused anyway. Raises PermissionDenied."""
        if permission not in self._visit.permissions:
            raise PermissionDenied(permission)

    def may_go(self, place: Place) -> bool:
        return place.needs is None or self.may(place.needs)

    def query(self, type_: type[F]) -> F:
        """The query as that type; a parameter left empty, as forms send them, counts as left out.

        Raises:
            MalformedRequest, InvalidFields.
        """
        query = bytes(self._request.scope["query_string"])
        given = b"&".join(part for part in query.split(b"&") if part and not part.endswith(b"="))
        return read_query(given, type_)

    def form(self, type_: type[Struct] | None = None, **values: Any) -> Form:
        """A form to fill in; ``values``: what stands in its fields already."""
        entries = {} if type_ is None else entries_of(values, self.formats, type_)
        return Form(type_, entries, token=self._tokens.of_forms(self.bound_to))

    def edit_form(self, type_: type[Struct], **values: Any) -> Form:
        """A form for what is there already. It says what it shows, see :meth:`SentForm.changed`."""
        entries = with_what_it_shows(entries_of(values, self.formats, type_), values)
        return Form(type_, entries, token=self._tokens.of_forms(self.bound_to))

    def asks_for_part(self, target: str) -> bool:
        """Whether a script asks, to put the answer in the place of the element with that id."""
        headers = self._request.headers
        return headers.get("hx-request") == "true" and headers.get("hx-target") == target

    def page(self, template: str, *, status: int = 200, **facts: Any) -> Response[str]:
        """A page; ``facts``: what its template needs. It says what the redirect that led here left to say."""
        sealed = self._cookies.read(self._request, "said")
        said = None if sealed is None else self._tokens.unseal(sealed, self.bound_to)
        cache = KEPT_FOR_BACK if status == 200 and isinstance(facts.get("form"), Form) else "no-store"
        answer = self._pages.answer(self._request, template, self._facts(facts, said), status=status, cache=cache)
        if sealed is not None:
            answer.cookies.append(self._cookies.drop("said"))
        return answer

    def part(self, template: str, **facts: Any) -> Response[str]:
        """A part of a page, for a script."""
        return self._pages.answer(self._request, template, self._facts(facts, None))

    def again(
        self,
        template: str,
        form: SentForm,
        refusal: Exception,
        type_: type[Struct] | None = None,
        **facts: Any,
    ) -> Response[str]:
        """The page of a form that was refused, with what was typed and why. ``type_``: of a form that was not read yet.

        Raises:
            The refusal itself, if it is not one of the form.
        """
        return self.page(template, status=status_of(refusal), form=form.again(refusal, type_), refusal=refusal, **facts)

    def go(self, path: str, said: str | None = None) -> Response[bytes]:
        """Redirect to a page, which says ``said``."""
        cookies: list[Cookie] = []
        if said is not None:
            sealed = self._tokens.seal(said, self.bound_to)
            cookies.append(self._cookies.make("said", sealed, max_age_seconds=SAID_SECONDS))
        return redirection(path, by_htmx=self._request.headers.get("hx-request") == "true", cookies=cookies)

    def _facts(self, facts: dict[str, Any], said: str | None) -> dict[str, Any]:
        return {
            "visitor": self,
            "formats": self.formats,
            "places": [place for place in PLACES if self.may_go(place)],
            "path": self._request.scope["path"],
            "said": said,
            "refusal": None,
            **facts,
        }


class Listing:
    """One page of a list as a template shows it: ``items``, and the addresses of the pages around it."""

    def __init__(self, items: list[Any], *, first: str | None, next_: str | None) -> None:
        self.items = items
        self.first = first
        self.next = next_

    @property
    def past_end(self) -> bool:
        """A page behind the last one: what stood there when somebody was led to it is in the list no longer."""
        return not self.items and self.first is not None


def listing(
    visitor: Visitor,
    cursors: Cursors,
    name: str,
    path: str,
    filters: ListFilters,
    page: Page[Any],
    client_id: UUID | None = None,
) -> Listing:
    """``name``: of the list, for its cursors. ``path``: where it is shown."""
    following = cursors.of_list(name, visitor.caller, filters, client_id).write(page.next_position)
    plain = {key: value for key, value in msgspec.to_builtins(filters).items() if key != "cursor"}
    default = msgspec.to_builtins(type(filters)())
    chosen = {key: _written(value) for key, value in plain.items() if value is not None and value != default.get(key)}
    first = f"{path}?{urlencode(chosen)}" if chosen else path
    next_ = None if following is None else f"{path}?{urlencode({**chosen, 'cursor': following})}"
    return Listing(page.items, first=first if filters.cursor else None, next_=next_)


def _written(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def bind_visit(visit: Visit) -> None:
    """Say in every line of the log who asked."""
    structlog.contextvars.bind_contextvars(shop_id=str(visit.shop.id), actor_kind="staff", actor_id=str(visit.staff_id))


def visitor_of(request: Request[Any, Any, Any] | ASGIConnection[Any, Any, Any, Any]) -> Visitor | None:
    """Whoever the session of a request belongs to, once that is known."""
    return request.scope["state"].get("visitor")
