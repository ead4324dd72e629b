"""The errors of the API as this server answers them: one exception, and the JSON shape of its body."""

import json
from collections.abc import Mapping

from lanectl.models import JsonValue

# docs "Errors": the type that goes with each status; 408 and 409 share the words of their neighbours.
TYPE_OF_STATUS: Mapping[int, str] = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    415: "invalid_request_error",
    429: "rate_limit_error",
    500: "api_error",
    502: "api_error",
    503: "api_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class ApiError(Exception):
    """A request that is answered with an error of the API.

    `code` is `error.details.error_code`; `html` stands for a gateway that answers before the API with a page.
    """

    def __init__(
        self,
        status: int,
        message: str,
        *,
        type_: str | None = None,
        code: str | None = None,
        html: bool = False,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.type = type_ or TYPE_OF_STATUS.get(status, "api_error")
        self.code = code
        self.html = html
        self.headers: dict[str, str] = {}


def invalid(message: str) -> ApiError:
    """The request is not what the API takes (400)."""
    return ApiError(400, message)


def not_found(message: str) -> ApiError:
    """No such thing in this workspace (404)."""
    return ApiError(404, message)


def error_object(
    type_: str, message: str, *, request_id: str | None, code: str | None = None
) -> dict[str, JsonValue]:
    """The API's error response: `{"type": "error", "error": {"type", "message"}, "request_id"}`."""
    error: dict[str, JsonValue] = {"type": type_, "message": message}
    if code is not None:
        error["details"] = {"error_code": code}
    return {"type": "error", "error": error, "request_id": request_id}


def body_of(error: ApiError, request_id: str) -> bytes:
    """The bytes of an error answer."""
    value = error_object(error.type, error.message, request_id=request_id, code=error.code)
    return json.dumps(value).encode()
