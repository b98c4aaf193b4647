"""Settings: the shop, its staff, API keys, webhooks, and what went to clients by e-mail."""

from entrypoints.console.settings import api_keys, deliveries, endpoints, shop, staff

routes = [*shop.routes, *staff.routes, *api_keys.routes, *endpoints.routes, *deliveries.routes]
