"""What the generated description cannot know: upload bodies, keys, and errors."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from api.benchmarking import Asked
from api.options import Wanted
from api.schemas_more import Problem

DESCRIPTION = """
Shoebox tags a photo library. Send a ZIP or photos to `POST /v1/jobs`, ask for the job until it is finished, then fetch
its results: every photo has tags that the model stands behind, or a plain reason why it has none.

Send your key as `Authorization: Bearer …`, as `X-API-Key`, or as the password of HTTP Basic. Errors are problem
documents (RFC 9457) with a `code` for programs, and every answer has an `X-Request-ID` that the log knows too.
"""
_SCHEMES = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "The key as a bearer token."},
    "header": {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The key in a header of its own."},
    "basic": {"type": "http", "scheme": "basic", "description": "Any user name, the key as the password."},
}
_TICKET = {
    "ticket": {"type": "apiKey", "in": "query", "name": "ticket", "description": "A ticket of `POST /v1/uploads`."}
}
_ERRORS = {
    "401": "No key, or a wrong one; for an upload also a wrong or ended ticket.",
    "403": "The key lacks the scope for this.",
    "404": "There is no such thing here.",
    "414": "The address is longer than this server takes.",
    "421": "The request is for a server of another name.",
    "422": "A field makes no sense.",
    "429": "Too many requests, or too many wrong keys from this address; try again after `Retry-After` seconds.",
    "431": "The headers are larger than this server takes.",
    "503": "The database does not answer; try again after `Retry-After` seconds.",
}
_UPLOAD_ERRORS = {
    "400": "The form cannot be read, or has too many parts.",
    "408": "The upload stopped or came too slowly.",
    "413": "The upload is too large.",
    "415": "Not photos and not a ZIP; other archives are not opened.",
    "507": "There is no room for the upload.",
}
_BODY_ERRORS = {
    "400": "The body cannot be read.",
    "408": "The body stopped or came too slowly.",
    "413": "The body is too large.",
}
_BINARY = {"type": "string", "format": "binary"}


def _body(files: dict[str, Any], wanted: type[BaseModel] = Wanted) -> dict[str, Any]:
    fields = wanted.model_json_schema()["properties"]
    fields = {name: field for name, field in fields.items() if name != "name"}
    if "novelty" in fields:
        fields["novelty"] = {"type": "string", "enum": ["strict", "normal", "off"], "default": "normal"}
    form = {"type": "object", "required": list(files), "properties": files | fields}
    raw = {kind: {"schema": _BINARY} for kind in ("application/zip", "image/*", "application/octet-stream")}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": form}, **raw}}}


JOBS_BODY = _body({"files": {"type": "array", "minItems": 1, "items": _BINARY, "description": "Photos and ZIPs."}})
CLASSIFY_BODY = _body({"file": _BINARY | {"description": "One photo."}})
BENCHMARK_BODY = _body({"file": _BINARY | {"description": "One photo."}}, Asked)


def describe(app: FastAPI, max_files: int) -> dict[str, Any]:
    """The OpenAPI document, made once, of a server that takes ``max_files`` in a form."""
    if app.openapi_schema is None:
        document = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes)
        components = document["components"]
        components["securitySchemes"] = _SCHEMES | _TICKET
        components["schemas"] |= _problem_schemas()
        for unused in ("HTTPValidationError", "ValidationError"):
            components["schemas"].pop(unused, None)
        for path, operations in document["paths"].items():
            for operation in operations.values():
                _finish(path, operation)
        upload = document["paths"]["/v1/jobs"]["post"]
        upload["security"].append({"ticket": []})
        upload["requestBody"]["content"]["multipart/form-data"]["schema"]["properties"]["files"]["maxItems"] = max_files
        app.openapi_schema = document
    return app.openapi_schema


def _problem_schemas() -> dict[str, Any]:
    schema = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    return {**schema.pop("$defs"), "Problem": schema}


def _finish(path: str, operation: dict[str, Any]) -> None:
    operation["responses"].pop("422", None)
    if not path.startswith("/v1/"):
        return
    operation["security"] = [{name: []} for name in _SCHEMES]
    uploads = "requestBody" in operation and "multipart/form-data" in operation["requestBody"]["content"]
    errors = dict(_ERRORS)
    if "requestBody" in operation:
        errors |= _UPLOAD_ERRORS if uploads else _BODY_ERRORS
    if operation.get("tags") == ["Jobs"]:
        errors["409"] = "The job's state does not allow this."
    if "{" in path:
        errors["410"] = "It was there, but its time is over."
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    for status, said in errors.items():
        operation["responses"].setdefault(status, {"description": said, "content": problem})
