"""What can go wrong with one call to the Platform API, as a small tree of typed errors.

Each error has what a person and a log need: the HTTP status of the portal's response, a sentence, the operation (name
of the `Gateway` method), the API's own status and message (untrusted text), the request id, `retry_after` in seconds if
known, and `sent`: False if the request cannot have reached the API, so that a write did certainly not happen.
"""

from __future__ import annotations

from typing import Any, ClassVar


def to_translate(words: str) -> str:
    """Mark a text that is translated where it is shown: `make messages` finds it by this name."""
    return words


class GatewayError(Exception):
    """The base class; never raised itself."""

    status: ClassVar[int] = 502
    """Of the portal's response."""
    sentence: ClassVar[str] = to_translate("The platform could not do that.")
    """What happened, for people. The portal translates it."""
    held_back: ClassVar[bool] = False
    """Whether the portal itself refuses the call, so that it is never sent."""

    def __init__(
        self,
        *,
        operation: str = "",
        api_status: int | None = None,
        api_message: str = "",
        request_id: str = "",
        retry_after: float | None = None,
        sent: bool = True,
    ) -> None:
        super().__init__()
        self.operation = operation
        self.api_status = api_status
        self.api_message = api_message
        self.request_id = request_id
        self.retry_after = retry_after
        self.sent = sent and not self.held_back

    @property
    def uncertain(self) -> bool:
        """Whether a write that failed with this may have been carried out: it was sent, and not plainly refused."""
        return self.sent and self.status >= 500

    def __str__(self) -> str:
        return f"{type(self).__name__} in {self.operation or 'a call'}: status {self.api_status}"


class Unreachable(GatewayError):
    """No connection: refused, name not found, TLS failed, reset before any response."""

    status = 503
    sentence = to_translate("The platform cannot be reached.")


class CircuitOpen(Unreachable):
    """The circuit breaker is open: too many calls of this kind failed. `retry_after`: seconds until the next try."""

    sentence = to_translate("The platform has not been answering, so it was not asked now.")
    held_back = True


class ConcurrencyExceeded(GatewayError):
    """The bulkhead is full: this call got no slot in time, because of the calls of all people."""

    status = 503
    sentence = to_translate("The portal is busy just now.")
    held_back = True


class UserConcurrencyExceeded(ConcurrencyExceeded):
    """The bulkhead is full for this person, because of their own calls."""

    sentence = to_translate("You have too many requests running at the same time, so this one was not sent.")


class TimedOut(GatewayError):
    """The response did not come, or did not end, in time."""

    status = 504
    sentence = to_translate("The platform did not answer in time.")


class OutOfTime(TimedOut):
    """The page's deadline was over before this call could be sent."""

    sentence = to_translate("This page ran out of time before the request could be sent. Nothing was sent.")
    held_back = True


class ServerFault(GatewayError):
    """The API answered 5xx."""

    sentence = to_translate("The platform reported an internal error.")


class BadReply(GatewayError):
    """A response that cannot be read: not JSON, wrong types, cut short, too large, a redirect, an unknown status.

    `detail` is all that may be shown of its body: content type, length and the beginning of its SHA-256.
    """

    sentence = to_translate("The platform's answer could not be read.")

    def __init__(self, *, detail: str = "", **details: Any) -> None:
        super().__init__(**details)
        self.detail = detail

    def __str__(self) -> str:
        return f"{super().__str__()}, {self.detail}" if self.detail else super().__str__()


class Redirected(BadReply):
    """A redirect that is not followed: to `host` (untrusted text, made printable; "" where none can be read)."""

    sentence = to_translate("The platform refers to another address, which this portal does not use.")

    def __init__(self, *, host: str = "", **details: Any) -> None:
        super().__init__(**details)
        self.host = host

    @property
    def uncertain(self) -> bool:
        """After 307 and 308 nothing was done: they ask for the same request elsewhere. 303 may follow a change."""
        return super().uncertain and self.api_status not in {307, 308}


class Unauthorized(GatewayError):
    """401, also after one refresh: the person has to sign in again."""

    status = 401
    sentence = to_translate("Your session with the platform has ended.")


class Forbidden(GatewayError):
    """403, or a permission that is known to be missing before the call."""

    status = 403
    sentence = to_translate("You may not do this.")


class NotFound(GatewayError):
    """404: deleted, or not visible to this person. The API does not say which."""

    status = 404
    sentence = to_translate("This is gone, or outside your reach.")


class RateLimited(GatewayError):
    """429: the organization's or the device's limit. Not `sent`: the portal's own limit, or its backoff after a 429."""

    status = 429
    sentence = to_translate("The platform asks us to wait: too many requests.")
    ours: ClassVar[bool] = False
    """Whether it is the portal's own rate limit, and not the platform's."""


class RateExceeded(RateLimited):
    """The portal's own rate limit is reached, by all people together."""

    sentence = to_translate("The portal has reached its limit of requests per minute, so this one was not sent.")
    ours = True
    held_back = True


class UserRateExceeded(RateExceeded):
    """One person has reached their share of the portal's rate limit."""

    sentence = to_translate("You have reached your share of the requests per minute, so this one was not sent.")


class Rejected(GatewayError):
    """400 and the other 4xx: the API refused the input. Views show `api_message` next to the field."""

    status = 422
    sentence = to_translate("The platform refused this input.")
