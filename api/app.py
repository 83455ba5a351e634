"""The application: what it owns, opened in order and closed in reverse."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

import structlog
from anyio import CapacityLimiter
from fastapi import FastAPI
from starlette.routing import Route

import logs
from api.auth import Gate
from api.catalog import Catalog
from api.cors import Cors
from api.downloads import WORKBOOKS_AT_ONCE
from api.errors import add_handlers
from api.gateway import Gateway
from api.metrics import Figures
from api.middleware import Frame
from api.openapi import describe
from api.pace import Pace
from api.parts import Parts
from api.previews import Previews
from api.quiet import Quiet
from api.routes import (
    admin,
    benchmark,
    docs,
    exports,
    health,
    items,
    jobs,
    keys,
    me,
    models,
    queue,
    results,
    reviews,
    scores,
    stats,
    submit,
    webhooks,
)
from api.small_bodies import SmallBodies
from api.traffic import Traffic
from api.wakeups import WakeUps
from configuration import load
from db.blobs import open_blobs
from db.database import Database
from db.quota import with_quota
from settings import Settings
from worker.addresses import policy_of
from worker.hinting import Hinter
from worker.limits import limits_of
from worker.senders import Hints

log = structlog.get_logger(__name__)

ROUTES = (
    submit,
    jobs,
    results,
    items,
    exports,
    reviews,
    scores,
    stats,
    queue,
    models,
    benchmark,
    me,
    webhooks,
    keys,
    admin,
    health,
    docs,
)
# Routes that stream their bodies, with limits of their own.
UPLOADS = ("/v1/jobs", "/v1/classify", "/v1/benchmark")


def create_app(settings: Settings | None = None) -> FastAPI:
    """The application. Without ``settings`` it is a process of its own: it reads them and sets up logging."""
    if settings is None:
        settings = load()
        logs.configure(settings.log_format, settings.log_level)
    chosen = settings

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Traffic]]:
        async with AsyncExitStack() as stack:
            app.state.parts = parts = await _open(chosen, app.state.quiet, stack)
            figures = Figures(parts.database, parts.blobs, chosen.blobs_quota_bytes)
            app.state.traffic.registry.register(figures)
            stack.callback(app.state.traffic.registry.unregister, figures)
            log.info("api_started", home=str(chosen.home))
            # What the door, which knows connections and no application, is to count in.
            yield {"traffic": app.state.traffic}
        log.info("api_stopped")

    app = FastAPI(title="Shoebox", version=version("shoebox"), lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.traffic = Traffic()
    app.state.quiet = Quiet()
    app.openapi = lambda: describe(app, chosen.max_files)  # type: ignore[method-assign]
    add_handlers(app)
    for routes in ROUTES:
        app.include_router(routes.router)
    app.state.addresses = [route for route in app.routes if isinstance(route, Route)]
    app.state.addresses += [route for routes in ROUTES for route in routes.router.routes]
    app.add_middleware(SmallBodies, uploads=UPLOADS)
    app.add_middleware(Gateway, hosts=chosen.hosts, quiet=app.state.quiet)
    app.add_middleware(Frame, traffic=app.state.traffic, quiet=app.state.quiet)
    app.add_middleware(Cors, origins=chosen.origins)
    return app


async def _open(settings: Settings, quiet: Quiet, stack: AsyncExitStack) -> Parts:
    database = Database(settings.database)
    stack.callback(database.close)
    blobs = with_quota(open_blobs(settings.blobs), settings.blobs_quota_bytes, database)
    previews = Previews(blobs, limits_of(settings))
    stack.callback(previews.close)
    hints = Hints(settings)
    stack.callback(hints.close)
    hinter = Hinter(hints)
    stack.callback(hinter.close)
    pace = Pace(settings.redis, settings.requests_per_minute, settings.address_requests_per_minute)
    stack.push_async_callback(pace.close)
    wakeups = WakeUps(settings.redis)
    wakeups.start()
    stack.push_async_callback(wakeups.close)
    return Parts(
        settings=settings,
        database=database,
        blobs=blobs,
        hints=hints,
        hinter=hinter,
        wakeups=wakeups,
        previews=previews,
        catalog=Catalog(settings.bundle_folders, settings.model),
        gate=Gate(database, settings.auth_failures_per_minute, quiet),
        pace=pace,
        workbooks=CapacityLimiter(WORKBOOKS_AT_ONCE),
        webhooks=policy_of(settings.webhook_networks, settings.webhook_http),
    )
