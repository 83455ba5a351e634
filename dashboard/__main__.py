"""``python -m dashboard``: serves the pages, with our look and nothing phoned home."""

from pathlib import Path

from streamlit.web import bootstrap

import logs
from configuration import load, sensible
from dashboard.look import theme
from settings import Settings

APP = Path(__file__).with_name("app.py")


def options(settings: Settings) -> dict[str, object]:
    """Streamlit's options in force, by their names."""
    return {
        "server.address": settings.host,
        "server.port": settings.dashboard_at,
        "server.headless": True,
        # Photos never go through Streamlit, which would hold them in memory: the browser sends them to the API.
        "server.maxUploadSize": 1,
        # A page of another site that has had its name point here must not speak for whoever looks at it.
        "server.allowedHosts": sorted(settings.dashboard_hosts or ["*"]),
        "server.enableCORS": True,
        "server.enableXsrfProtection": True,
        "server.corsAllowedOrigins": sorted(settings.origins),
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": False,
        "client.toolbarMode": "viewer",
        "client.showErrorDetails": "none",
        "client.showErrorLinks": "false",
        "logger.level": "warning",
        # Where a provider of sign-ins is described, and nowhere else: not in whatever folder this was started from.
        "secrets.files": [str(settings.home / "secrets.toml")],
        **theme(),
    }


def main() -> None:
    """Serves until it is told to stop."""
    with sensible():
        settings = load()
    logs.configure(settings.log_format, settings.log_level)
    chosen = {name.replace(".", "_"): value for name, value in options(settings).items()}
    bootstrap.load_config_options(chosen)
    bootstrap.run(str(APP), False, [], chosen)


if __name__ == "__main__":
    main()
