"""Which request goes to which endpoint: who asks, what is asked, and what a switch makes of it."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from lanectl.sandbox import batches, calls, control, downloads, files
from lanectl.sandbox.calls import Caller, json_answer
from lanectl.sandbox.exchange import Answer, CutError, Request
from lanectl.sandbox.faults import WireFault
from lanectl.sandbox.provider import DEFAULT_WORKSPACE, Provider
from lanectl.sandbox.records import Batch, Sent
from lanectl.sandbox.refusals import ApiError, body_of, invalid, not_found
from lanectl.sandbox.validation import VERSIONS

_LOOPBACK: Final = re.compile(r"(127\.0\.0\.1|localhost|\[::1\])(:\d+)?")
_WORKSPACE: Final = re.compile(r"workspace-([A-Za-z0-9]+)")
_BODIES: Final = {
    "html": (b"<html><body>Welcome to the hotel's network. [sandbox]</body></html>", "text/html"),
    "empty": (b"", "application/json"),
    "object": (b"{}", "application/json"),
    "list": (b"[]", "application/json"),
    "cut": (b'{"id": "msgbatch_01San', "application/json"),
    "text": (b"upstream connect error [sandbox]", "text/plain"),
}


@dataclass(frozen=True, slots=True)
class _Call:
    """An endpoint by the name of its switches, and what it does (given a fault that it may have to heed)."""

    endpoint: str
    act: Callable[[WireFault | None], Answer]


def answer(provider: Provider, request: Request) -> Answer:
    """The answer to one request. Raises ApiError, and CutError where the connection is to be cut."""
    if not _LOOPBACK.fullmatch(request.headers.get("host", "")):
        # A page in a browser may be led to this port by a name of its own (DNS rebinding).
        raise ApiError(403, "[sandbox] answers only to a loopback address")
    path = request.path.removeprefix(provider.prefix) if provider.prefix else request.path
    parts = [part for part in path.split("/") if part]
    if parts[:1] == ["sandbox"]:
        return _controlled(provider, request, parts[1:])
    workspace = _workspace(request)
    try:
        if request.headers.get("content-encoding", "identity") != "identity":
            code = "request_body_encoding_unsupported"
            raise ApiError(400, "Content-Encoding is not supported", code=code)
        reply = _with_fault(provider, request, _call(provider, request, parts, workspace))
    except ApiError as error:
        error.headers["anthropic-workspace-id"] = workspace
        raise
    reply.headers.setdefault("anthropic-workspace-id", workspace)
    return reply


def _controlled(provider: Provider, request: Request, parts: list[str]) -> Answer:
    is_json = request.headers.get("content-type", "").startswith("application/json")
    if request.method != "GET" and not is_json:
        # What a page in a browser can send without asking first is not JSON.
        raise ApiError(415, "[sandbox] content-type: application/json is expected")
    return json_answer(control.answer(provider, request.method, parts, request.body))


def _workspace(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    keys = [token.strip() if scheme.lower() == "bearer" else "", request.headers.get("x-api-key", "").strip()]
    if not any(keys):
        raise ApiError(401, "Either a Bearer token or x-api-key is required")
    if any("wrong" in key for key in keys):
        raise ApiError(401, "invalid x-api-key")
    wanted = request.headers.get("anthropic-workspace-id")
    named = _WORKSPACE.search(" ".join(keys))
    if named is None:
        return wanted or DEFAULT_WORKSPACE
    own = f"wrkspc_01Sandbox{named[1]}"
    if wanted not in (None, own):
        raise ApiError(403, "This credential cannot act on that workspace")
    return own


def _caller(request: Request, workspace: str) -> Caller:
    version = request.headers.get("anthropic-version")
    if version not in VERSIONS:
        told = "header is required" if version is None else f"{version!r} is not a version"
        raise invalid(f"anthropic-version: {told}")
    betas = request.headers.get("anthropic-beta", "")
    return Caller(
        workspace,
        version or "",
        tuple(sorted(one.strip() for one in betas.split(",") if one.strip())),
        request.headers.get("anthropic-user-profile-id", ""),
    )


def _call(provider: Provider, request: Request, parts: list[str], workspace: str) -> _Call:
    if parts[:3] == ["v1", "messages", "batches"]:
        return _batches(provider, request, parts[3:], workspace)
    caller = _caller(request, workspace)
    match (request.method, *parts):
        case ("POST", "v1", "messages"):
            return _Call(
                "messages", lambda fault: calls.create(provider, caller, request.body, request.id, fault)
            )
        case ("POST", "v1", "messages", "count_tokens"):
            return _Call("count_tokens", lambda _: calls.count(provider, caller, request.body))
        case ("GET", "v1", "models"):
            return _Call("models", lambda _: calls.models(provider, request.query))
        case ("GET", "v1", "models", model_id):
            return _Call("models", lambda _: calls.model(provider, model_id))
        case ("GET" | "POST" | "DELETE", "v1", "files", *rest):
            return _Call("files", lambda _: _files(provider, request, rest, workspace))
    raise not_found(f"{request.method} {request.path}: no such endpoint")


def _batches(provider: Provider, request: Request, parts: list[str], workspace: str) -> _Call:
    caller = _caller(request, workspace)
    match (request.method, *parts):
        case ("POST",):
            sent = Sent(workspace, 0, 0, "", caller.version, caller.betas, caller.user_profile)
            return _Call("create", lambda _: _batch(provider, batches.create(provider, request.body, sent)))
        case ("GET",):
            return _Call("list", lambda _: json_answer(batches.listing(provider, workspace, request.query)))
        case ("GET", one):
            return _Call("retrieve", lambda _: _batch(provider, batches.retrieve(provider, one, workspace)))
        case ("GET", one, "results"):
            return _Call(
                "results", lambda _: downloads.results(provider, batches.retrieve(provider, one, workspace))
            )
        case ("POST", one, "cancel"):
            return _Call("cancel", lambda _: _batch(provider, batches.cancel(provider, one, workspace)))
        case ("DELETE", one):
            return _Call("delete", lambda _: json_answer(batches.delete(provider, one, workspace)))
    raise not_found(f"{request.method} {request.path}: no such endpoint")


def _batch(provider: Provider, batch: Batch) -> Answer:
    return json_answer(batches.view(provider, batch))


def _files(provider: Provider, request: Request, parts: list[str], workspace: str) -> Answer:
    match (request.method, *parts):
        case ("POST",):
            return json_answer(files.upload(provider, request, workspace))
        case ("GET",):
            return json_answer(files.listing(provider, workspace, request.query))
        case ("GET", file_id):
            return json_answer(files.view(files.find(provider, file_id, workspace)))
        case ("GET", file_id, "content"):
            return files.content(provider, files.find(provider, file_id, workspace))
        case ("DELETE", file_id):
            return json_answer(files.delete(provider, files.find(provider, file_id, workspace)))
    raise not_found(f"{request.method} {request.path}: no such endpoint")


def _with_fault(provider: Provider, request: Request, found: _Call) -> Answer:
    fault = provider.store.take_wire(found.endpoint)
    if fault is None:
        return found.act(None)
    if fault.do in ("refuse", "redirect", "cut"):
        return _instead(request, fault)
    reply = found.act(fault if fault.do.startswith("stream-") else None)
    if fault.do == "drop":
        raise CutError
    if fault.do == "hang":
        provider.wait(fault.seconds)
    true = fault.do != "answer" or (fault.status == 200 and fault.body == "api")
    return reply if true else _damaged(request, fault)


def _instead(request: Request, fault: WireFault) -> Answer:
    if fault.do == "cut":
        left = fault.after
        while left > 0 and (piece := request.body.read(left)):
            left -= len(piece)
        raise CutError
    if not fault.early:
        for _ in request.body.pieces():
            continue
    if fault.do == "redirect":
        status = fault.status if 300 <= fault.status < 400 else 307
        return Answer(status, b"", {"location": f"{fault.to}{request.path}", **fault.headers})
    return _damaged(request, fault)


def _damaged(request: Request, fault: WireFault) -> Answer:
    headers = dict(fault.headers)
    if fault.retry_after is not None:
        headers["retry-after"] = fault.retry_after
    if fault.body == "api":
        body = body_of(ApiError(fault.status, fault.message, code=fault.code), request.id)
        return Answer(fault.status, body, {"content-type": "application/json", **headers})
    body, kind = _BODIES[fault.body]
    return Answer(fault.status, body, {"content-type": kind, **headers})
