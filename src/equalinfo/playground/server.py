"""Serves the playground on this machine (`equalinfo playground`)."""

import asyncio
import contextlib
import ipaddress
import socket
import sys
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from pathlib import Path
from typing import Any

from equalinfo.errors import EqualInfoError
from equalinfo.extras import needed

# The browser itself refuses whatever does not come from this process. The library compiles its templates in the page.
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; form-action 'self'"
)

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]
Asgi = Callable[[Message, Receive, Send], Awaitable[None]]


def serve(tokenizers: Sequence[Path], m2: Path | None, host: str, port: int, browser: bool) -> None:
    """Opens tokenizers and M2 and serves the page until it is interrupted.

    Args:
        host: the address to listen on; a warning says so if other machines reach it.
        port: 0 takes any that is free.
        browser: open the page in a browser.

    Raises:
        EqualInfoError: the extra is missing, an artifact cannot be opened, or the port is taken.
    """
    with needed():
        import nicegui  # noqa: F401
    from equalinfo.playground.bench import Bench
    from equalinfo.tokens.tokenizer import Tokenizer

    port = free_port(host, port)
    bench = Bench([Tokenizer.from_pretrained(path) for path in tokenizers], m2)
    warn_if_open(host)
    from nicegui import app, ui
    from starlette.middleware.trustedhost import TrustedHostMiddleware

    from equalinfo.playground.page import TITLE, build

    app.add_middleware(OnlyFromHere)
    if is_loopback(host):
        # A page elsewhere whose name is made to lead to this machine has another host name.
        app.add_middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])

    async def say() -> None:
        await answers(host, port)
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        print(f"Playground: {address} (Ctrl+C ends it)", flush=True)

    app.on_startup(say)
    with contextlib.suppress(KeyboardInterrupt):  # how it ends
        ui.run(
            lambda: build(bench),
            host=host,
            port=port,
            title=TITLE,
            language="en-US",
            dark=None,
            reload=False,
            show=browser,
            show_welcome_message=False,
        )


async def answers(host: str, port: int) -> None:
    """Returns when a port accepts connections, which a server does some time after it has started."""
    while True:
        try:
            _, writer = await asyncio.open_connection(host, port)
        except OSError:
            await asyncio.sleep(0.02)
        else:
            return writer.close()


def warn_if_open(host: str) -> None:
    """Says on standard error that other machines reach an address, where they do."""
    if not is_loopback(host):
        print(
            f"warning: {host} can be reached from other machines, and the playground knows no passwords; "
            "leave --host out to keep it to this one",
            file=sys.stderr,
        )


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches an address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def free_port(host: str, port: int) -> int:
    """`port`, or a free one for 0; EqualInfoError where it cannot be listened on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind((host, port))
            return int(listener.getsockname()[1])
    except OSError as error:
        reason = error.strerror or error
        raise EqualInfoError(
            f"cannot listen on {host}, port {port}: {reason}; choose others by --host and --port"
        ) from error


class OnlyFromHere:
    """Adds the policy to every answer."""

    def __init__(self, app: Asgi) -> None:
        self.app = app

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [
                    *message.get("headers", []),
                    (b"content-security-policy", POLICY.encode()),
                    (b"referrer-policy", b"no-referrer"),
                ]
            await send(message)

        await self.app(scope, receive, with_policy)
