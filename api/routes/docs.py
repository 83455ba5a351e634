"""The page that shows the described interface. It loads nothing from elsewhere: Swagger UI comes with a package."""

from importlib.resources import files

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, Response

from api.lookup import NotFound

router = APIRouter(include_in_schema=False)

# Swagger UI sets styles of its own and has small pictures in its style sheet; scripts are files of ours alone.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Shoebox</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="page"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
</body>
</html>
"""
START = """SwaggerUIBundle({
  url: "openapi.json",
  dom_id: "#page",
  deepLinking: true,
  validatorUrl: null,
  presets: [SwaggerUIBundle.presets.apis],
});
"""
_KINDS = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"}


@router.get("/docs", response_class=HTMLResponse)
async def page() -> HTMLResponse:
    """The page itself."""
    return HTMLResponse(PAGE, headers={"Content-Security-Policy": POLICY})


@router.get("/docs/{name}")
def part(name: str) -> Response:
    """What it is made of."""
    if name == "start.js":
        return Response(START, media_type="text/javascript")
    if name not in _KINDS:
        raise NotFound("There is nothing at this address.")
    data = (files("fastapi_offline") / "static" / name).read_bytes()
    return Response(data, media_type=_KINDS[name], headers={"Cache-Control": "public, max-age=86400"})
