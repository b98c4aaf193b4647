"""What the API documentation says about the API as a whole."""

from importlib.metadata import version

from entrypoints.http.openapi import ApiInfo
from entrypoints.staff_api.webhook_descriptions import WEBHOOK_DESCRIPTIONS

_DESCRIPTION = """
Account Credit keeps, for each client of a repair shop, a running balance of money on file. Credit is added, applied to
invoices, captured from overpayments, voided and returned; every cent in and out is a permanent line of a ledger.

- **Money** is an integer number of minor units (cents) of the `currency` beside it.
- **Times** are RFC 3339 in UTC; **dates** are days in the shop's time zone; ranges include both ends.
- **Text** is trimmed and kept in Unicode NFC. What a body or a query does not know is refused.
- **Errors** are problems (RFC 9457) with a stable `code` and the facts of the refusal.
- **`Idempotency-Key`**: the same request again under the same key is answered like the first time, byte for byte, with
  `Idempotency-Replayed: true`. A refused request leaves the key free.
- **Lists** are read page by page: pass `next_cursor` on as `cursor` until it is null.
- **Webhooks** tell other systems of what happened, signed after the Standard Webhooks specification, in order for each
  client, and again until they are accepted; a repeat has the same `webhook-id`.
- **Who asks** is said by `Authorization: Bearer` with an access token (sign in for one) or an API key. It also says
  which shop: what belongs to another shop does not exist here.
"""

INFO = ApiInfo(
    title="Account Credit: staff API",
    version=version("account-credit"),
    description=_DESCRIPTION.strip(),
    tags=(
        ("Signing in", "Access tokens and refresh tokens."),
        ("Shop", "Who asks, and the settings of their shop."),
        ("Staff and API keys", "Who may do what."),
        ("Clients", "The customers of the shop."),
        ("Invoices", "What clients owe; credit never changes an invoice."),
        ("Payments", "With money, or by Account Credit."),
        ("Credit", "The ledger: of one client, and of the whole shop."),
        ("Reports", "For the bookkeeper."),
        ("Webhooks", "Where other systems are told of what happens to clients' money, and what they were told."),
        ("Health", "For whoever runs the program."),
    ),
    webhooks=WEBHOOK_DESCRIPTIONS,
    webhooks_tag="Webhooks",
)
