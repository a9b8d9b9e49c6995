"""Who may speak to the page's server: the page itself, on this machine, and no other site.

A browser lets any site send requests to loopback. A site that makes its own name point here
(DNS rebinding) still sends that name as Host; a site that posts here sends its own Origin.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from aiohttp import web

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuse what does not come from the page (403, or 415 for anything but JSON)."""
    if not is_loopback(request.host):
        raise web.HTTPForbidden(text="This page answers on this machine's own address alone.\n")
    if request.method not in ("GET", "HEAD"):
        _only_ours(request)
    return await handler(request)


async def add_headers(request: web.Request, response: web.StreamResponse) -> None:
    """Set the headers that keep the page to itself; also on errors and on streams."""
    response.headers.update(HEADERS)


def is_loopback(host: str) -> bool:
    """Whether a Host header, with or without a port, names this machine by a loopback name."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


def _only_ours(request: web.Request) -> None:
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"http://{request.host}":
        raise web.HTTPForbidden(text="This request comes from another site.\n")
    if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        raise web.HTTPForbidden(text="This request comes from another site.\n")
    # A form of another site cannot send JSON without asking first, and we never agree.
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType(text="Only JSON is understood here.\n")
